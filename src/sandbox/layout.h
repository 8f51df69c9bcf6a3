// Where the files of a state directory lie.
//
//   ROOT/catalog.db           the catalog
//   ROOT/log                  what was done (base/log.h); ROOT/log.1: what was before that
//   ROOT/instance             whose devices in the kernel are ours
//   ROOT/run                  which run directory is ours (backend/run_claim.h)
//   ROOT/templates/ID.img     a template's image, read-only
//   ROOT/templates/ID.cow     while it is made from a sandbox: the clone of its store
//   ROOT/templates/ID.kernel, ID.initrd   what it boots
//   ROOT/templates/ID.base, ID.state      of one with memory: as the sandbox's
//   ROOT/sandboxes/ID.cow     a sandbox's store
//   ROOT/sandboxes/ID.memory  its machine's memory, for as long as nobody else has it
//   ROOT/sandboxes/ID.base    memory that it shares with others, and that never changes (machine.h)
//   ROOT/sandboxes/ID.state   its machine's devices, while it is paused
//   ROOT/locks/ID.lock        who works on an object
//   RUN/sandboxes/ID.img      a running sandbox's disk (user backend)
//   RUN/sandboxes/ID.nbd      the same by NBD: the server's socket
//
// Pure, but for Prepare.
#pragma once

#include <string>

#include "base/result.h"

namespace veneer {

class Layout {
 public:
  Layout(std::string root, std::string run) : root_(std::move(root)), run_(std::move(run)) {}

  // Makes the directories, readable for their owner alone. kFailed with what to do where it cannot.
  Result<void> Prepare() const;

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] const std::string& run() const { return run_; }
  [[nodiscard]] std::string catalog() const { return root_ + "/catalog.db"; }
  [[nodiscard]] std::string log() const { return root_ + "/log"; }
  [[nodiscard]] std::string templates() const { return root_ + "/templates"; }
  [[nodiscard]] std::string sandboxes() const { return root_ + "/sandboxes"; }
  [[nodiscard]] std::string locks() const { return root_ + "/locks"; }
  [[nodiscard]] std::string disks() const { return run_ + "/sandboxes"; }

  [[nodiscard]] std::string Image(const std::string& id) const {
    return templates() + "/" + id + ".img";
  }
  [[nodiscard]] std::string SnapshotStore(const std::string& id) const {
    return templates() + "/" + id + ".cow";
  }
  [[nodiscard]] std::string Kernel(const std::string& id) const {
    return templates() + "/" + id + ".kernel";
  }
  [[nodiscard]] std::string Initrd(const std::string& id) const {
    return templates() + "/" + id + ".initrd";
  }
  [[nodiscard]] std::string Store(const std::string& id) const {
    return sandboxes() + "/" + id + ".cow";
  }
  [[nodiscard]] std::string Memory(const std::string& id) const {
    return sandboxes() + "/" + id + ".memory";
  }
  // Of a sandbox or a template.
  [[nodiscard]] std::string Base(const std::string& id) const { return Beside(id, ".base"); }
  [[nodiscard]] std::string State(const std::string& id) const { return Beside(id, ".state"); }
  [[nodiscard]] std::string Disk(const std::string& id) const {
    return disks() + "/" + id + ".img";
  }
  [[nodiscard]] std::string Socket(const std::string& id) const {
    return disks() + "/" + id + ".nbd";
  }

 private:
  [[nodiscard]] std::string Beside(const std::string& id, const char* extension) const {
    return (id.starts_with("tp-") ? templates() : sandboxes()) + "/" + id + extension;
  }

  std::string root_;
  std::string run_;
};

}  // namespace veneer
