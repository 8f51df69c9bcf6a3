// DmBackend::Keep and LetGo, and what is to be done where who kept a disk has died.
//
// A disk that is held back has a suspended device, and a record that says kHeld. Whoever holds some
// has a lock on <run>/dm/keeper (a directory) as long as he lives: where it is free, nobody will
// let them go, and whoever finds such a record does.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>

#include "backend/dm/block_stat.h"
#include "backend/dm/dm_backend.h"
#include "backend/dm/names.h"
#include "backend/dm/snapshot_target.h"
#include "kernel/linux/signals_blocked.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

// Somebody may just look whether the lock is free.
constexpr std::chrono::seconds kLookPatience{2};

// Whether it got the lock of who holds disks back, in this way.
Result<UniqueFd> LockKeeper(const std::string& directory, int how) {
  const std::string path = directory + "/keeper";
  ::mkdir(path.c_str(), 0700);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  if (::flock(fd.get(), how | LOCK_NB) == 0) return fd;
  return Fail(Error{ErrorKind::kConflict, errno, "another process holds writers back",
                    "two daemons may work on one run directory: end one of them"});
}

}  // namespace

Result<void> DmBackend::BecomeKeeper() {
  const std::scoped_lock guard(keeper_mutex_);
  if (keeper_.valid()) return {};
  Result<UniqueFd> lock;
  WaitUntil(kLookPatience, [&] {
    lock = LockKeeper(directory(), LOCK_EX);
    return lock || lock.error().kind != ErrorKind::kConflict;
  });
  if (!lock) return Fail(lock.error());
  keeper_ = *std::move(lock);
  return {};
}

Result<bool> DmBackend::KeeperLives() {
  const Result<UniqueFd> lock = LockKeeper(directory(), LOCK_SH);
  if (lock) return false;
  if (lock.error().kind == ErrorKind::kConflict) return true;
  return Fail(lock.error());
}

Result<void> DmBackend::HoldBack(const DmDevice& device, dm::LockedRecord& record) {
  VENEER_TRY(BecomeKeeper());
  const SignalsBlocked no_signals;
  const dm::DiskRecord before = record.record();
  dm::DiskRecord held = before;
  held.state = dm::RecordState::kHeld;
  VENEER_TRY(record.Write(held));
  const Result<void> suspended = ports_.devices.Suspend(device.name);
  if (suspended) return {};
  // How far that got is not known.
  Error error = suspended.error();
  const Result<void> resumed = ResumePatiently(device.name);
  if (!resumed) error.hint = fmt::format("run 'veneer gc' (resuming it: {})", resumed.error().what);
  if (resumed) record.Write(before).Ignore("whoever finds it resumes a device that runs");
  return Fail(std::move(error));
}

Result<void> DmBackend::GoOn(const std::string& disk, dm::LockedRecord& record) {
  // Not by its name alone: where the disk is gone, another instance may have a device of that name.
  const Result<DmState> state = StateOf(disk);
  Result<void> resumed =
      state ? ResumePatiently(state->device.name) : Result<void>(Fail(state.error()));
  if (!resumed && resumed.error().kind != ErrorKind::kNotFound) return resumed;
  dm::DiskRecord attached = record.record();
  attached.state = dm::RecordState::kAttached;
  return record.Write(attached);
}

Result<DiskActivity> DmBackend::Keep(const std::string& path, const WriteLease& lease) {
  const std::string disk = VENEER_TRY(DiskAt(path));
  auto record = VENEER_TRY(TakeRecord(disk, path));
  const DmState state = VENEER_TRY(StateOf(disk));
  const auto store = VENEER_TRY(StoreBehind(record.record().store_loop, Access::kReadOnly));
  const Bytes available = VENEER_TRY(store->AvailableBytes());
  const bool held = record.record().state == dm::RecordState::kHeld;
  const bool hold =
      record.record().access == DiskAccess::kReadWrite && IsTooLittle(available, lease.mark, held);
  if (hold && !held) VENEER_TRY(HoldBack(state.device, record));
  if (held && !hold) VENEER_TRY(GoOn(disk, record));
  DiskActivity activity{.errors = DiskActivity::Errors::kUnknown,
                        .writers = hold ? Writers::kHeld : Writers::kGoOn,
                        .fill = VENEER_TRY(dm::FillOf(state))};
  const auto counters = dm::CountersOf(state.device.device);
  if (counters) activity.counters = *counters;
  return activity;
}

Result<void> DmBackend::LetGo(const std::string& path, std::chrono::milliseconds /*term*/) {
  const std::string disk = VENEER_TRY(DiskAt(path));
  auto record = VENEER_TRY(TakeRecord(disk, path));
  if (record.record().state != dm::RecordState::kHeld) return {};
  return GoOn(disk, record);
}

Result<void> DmBackend::EndKilled(const std::string& disk, dm::LockedRecord& record) {
  const dm::RecordState state = record.record().state;
  if (state != dm::RecordState::kCloning && state != dm::RecordState::kHeld) return {};
  if (state == dm::RecordState::kHeld && VENEER_TRY(KeeperLives())) return {};
  return GoOn(disk, record);
}

}  // namespace veneer
