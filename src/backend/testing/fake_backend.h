// FakeBackend: a DiskBackend that needs nothing of the host. A working model for the tests of the
// rooms above.
//
// An attached disk is a plain file with all that store and origin make; Detach and CloneStore write
// what changed in it to the store, through the engine. So what a program wrote is in the store
// afterwards, and no sooner: writes neither meet a full store nor a read-only disk.
//
//   FakeBackend backend(directory);
//   backend.FailNext(FakeBackend::Op::kAttach, Error{…});
//   backend.Attached();
//
// For one thread, one process.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/disk_backend.h"
#include "cow/cow_disk.h"
#include "kernel/linux/linux_file.h"

namespace veneer::testing {

class FakeBackend final : public DiskBackend {
 public:
  enum class Op : std::uint8_t {
    kRequireHost,
    kAttach,
    kDetach,
    kFill,
    kGrow,
    kCloneStore,
    kAttached,
    kKeep,
  };

  // `directory`: where disks without a path of their own (DiskRequest::at) appear.
  explicit FakeBackend(std::string directory, BackendKind kind = BackendKind::kUser)
      : directory_(std::move(directory)), kind_(kind) {}

  [[nodiscard]] BackendKind kind() const override { return kind_; }
  [[nodiscard]] Result<void> RequireHost() override;
  Result<AttachedDisk> Attach(const DiskRequest& request) override;
  Result<void> Detach(const std::string& path) override;
  [[nodiscard]] Result<DiskFill> Fill(const std::string& path) override;
  Result<DiskFill> Grow(const std::string& path, Bytes max_change) override;

  Result<StoreClone> CloneStore(const std::string& path, const std::string& clone) override;
  [[nodiscard]] Result<std::vector<std::string>> Attached() override;
  // Holds nobody back, as programs write to a plain file; but says so.
  Result<DiskActivity> Keep(const std::string& path, const WriteLease& lease) override;
  Result<void> LetGo(const std::string& path, std::chrono::milliseconds term) override;

  // Whether the writers of a disk are held.
  [[nodiscard]] bool IsHeld(const std::string& path) const;

  // The next call of that verb fails, and does nothing.
  void FailNext(Op op, Error error) { failures_.insert_or_assign(op, std::move(error)); }

  // The next Detach finds the process that keeps the disk dying, as if somebody had just killed it.
  void DieAtNextDetach() { dies_at_detach_ = true; }

  // What somebody else does while the next Keep is under way.
  void DuringNextKeep(std::function<void()> act) { during_keep_ = std::move(act); }

  // As if the process that keeps the disk were killed: it is gone, and what was not detached lost.
  void Drop(const std::string& path);

 private:
  struct Disk {
    std::unique_ptr<CowDisk> cow;
    std::unique_ptr<LinuxFile> store;  // the same open file as the engine's
    std::string name;
    bool made = false;  // the file at the path was not there before
    Writers writers = Writers::kGoOn;
  };

  Result<void> FailIfAsked(Op op);
  Result<Disk*> Find(const std::string& path);
  // Of a disk that may be changed.
  static Result<void> RequireWritable(const std::string& path, const Disk& disk);

  std::string directory_;
  BackendKind kind_;
  std::map<Op, Error> failures_;
  bool dies_at_detach_ = false;
  std::function<void()> during_keep_;
  std::map<std::string, Disk> disks_;  // by path
};

}  // namespace veneer::testing
