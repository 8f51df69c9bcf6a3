// DiskHost: where a program's snapshots are attached, and in which way.
//
//   auto host = veneer::DiskHost::Open(veneer::BackendKind::kDm, {.state_dir = "/var/lib/mine"});
//
// It remembers nothing of what is attached: that is found in the kernel and under the run
// directory, by any process that opens the same directories. Move-only; any thread may use one for
// any number of snapshots at once.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "backend/backend_kind.h"
#include "base/result.h"

namespace veneer {

struct DiskHostOptions {
  // Made where it is missing. An id in it says which devices in the kernel are this program's:
  // nothing else is ever removed. Two programs have two; one that shares that of the command
  // `veneer` sees its disks, and the other way round.
  std::string state_dir = "/var/lib/veneer";
  // What is attached now; gone with a reboot. A state directory has one at a time: kConflict for
  // another one (kDm) as long as a disk is attached, or a host is open.
  std::string run_dir = "/run/veneer";
  // kDm: how long RemoveSnapshot waits for the last opener. kUser has a bound of its own.
  std::chrono::milliseconds patience = std::chrono::seconds(10);
  // kUser: the path of the program `veneer`, which serves the disks.
  std::string server{};
};

class DiskHost {
 public:
  // kUnsupported: this host cannot attach disks in that way, the hint says what to load or
  // install; kUsage: kUser without a server. Blocks on the file system, and on the kernel where it
  // loads a module.
  static Result<DiskHost> Open(BackendKind kind, const DiskHostOptions& options = {});

  struct Parts;
  explicit DiskHost(std::unique_ptr<Parts> parts);
  DiskHost(DiskHost&& other) noexcept;
  DiskHost& operator=(DiskHost&& other) noexcept;
  DiskHost(const DiskHost&) = delete;
  DiskHost& operator=(const DiskHost&) = delete;
  ~DiskHost();

  // The library's own.
  [[nodiscard]] Parts& parts() { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace veneer
