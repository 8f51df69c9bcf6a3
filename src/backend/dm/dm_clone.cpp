// DmBackend::CloneStore. Where it was killed: DmBackend::EndKilled.
//
// While the device is suspended the store's file does not change: the kernel has completed what was
// under way, its exceptions with it. The record says kCloning from before that until after the
// resume, so that whoever finds it unlocked knows that a device may wait for somebody who is dead.
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

#include "backend/dm/dm_backend.h"
#include "backend/dm/names.h"
#include "backend/dm/snapshot_target.h"
#include "backend/store_clone.h"
#include "kernel/linux/signals_blocked.h"
#include "kernel/linux/wait_until.h"

namespace veneer {

// The store of an attached disk. Its loop device has that very file behind it, and keeps it.
struct DmBackend::CloneSource {
  DmDevice device;
  bool held_back = false;  // by Keep: nobody can write, and somebody else lets them go on
  std::unique_ptr<LinuxFile> store;
  HeldLoop loop;
};

namespace {

// A resume fails where the host lacks memory or a semaphore for a moment.
constexpr std::chrono::seconds kResumePatience{5};

// What programs on this host have written to the device and the kernel has in its cache.
Result<void> WriteBack(const DmDevice& device) {
  Result<void> written = WriteBackDisk(device.Path());
  // Without a node nobody has written through it.
  if (!written && written.error().kind == ErrorKind::kNotFound) return {};
  return written;
}

}  // namespace

Result<DmBackend::CloneSource> DmBackend::FindSource(const std::string& disk,
                                                     const dm::DiskRecord& record) {
  const DmState state = VENEER_TRY(StateOf(disk));
  const DiskFill fill = VENEER_TRY(dm::FillOf(state));
  if (record.access == DiskAccess::kReadOnly) return NoCloneOfReadOnly(state.device.Path());
  if (fill.condition == StoreCondition::kInvalid) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the kernel has given the store of {} up", state.device.Path()),
                "detach it, then look at the store with 'veneer cow check'");
  }
  const std::optional<unsigned> number = record.store_loop;
  auto store = VENEER_TRY(StoreBehind(record.store_loop, Access::kReadOnly));
  const FileIdentity identity = VENEER_TRY(store->Identity());
  HeldLoop loop = VENEER_TRY(ports_.loops.Hold(number.value_or(0), identity));
  return CloneSource{.device = state.device,
                     .held_back = state.suspended,
                     .store = std::move(store),
                     .loop = std::move(loop)};
}

Result<void> DmBackend::ResumePatiently(const std::string& name) {
  Result<void> resumed;
  WaitUntil(kResumePatience, [&] {
    resumed = ports_.devices.Resume(name);
    return resumed || resumed.error().kind == ErrorKind::kNotFound;
  });
  return resumed;
}

Result<ClonedFile> DmBackend::CloneSuspended(const CloneSource& source, const std::string& clone,
                                             dm::LockedRecord& record) {
  // An interrupted command would leave its disk waiting.
  const SignalsBlocked no_signals;
  const dm::DiskRecord before = record.record();
  dm::DiskRecord cloning = before;
  cloning.state = dm::RecordState::kCloning;
  VENEER_TRY(record.Write(cloning));
  const Result<void> suspended = ports_.devices.Suspend(source.device.name);
  Result<ClonedFile> cloned =
      suspended ? BeginClone(*source.store, clone) : Fail(suspended.error());
  // Where it was not suspended too: how far that got is not known.
  const Result<void> resumed = ResumePatiently(source.device.name);
  if (!resumed) {
    Error error = cloned ? resumed.error() : cloned.error();
    error.hint = fmt::format("{} may still be held back: run 'veneer gc' (resuming it: {})",
                             source.device.Path(), resumed.error().what);
    return Fail(std::move(error));
  }
  record.Write(before).Ignore("whoever finds it resumes a device that runs");
  return cloned;
}

Result<StoreClone> DmBackend::CloneStore(const std::string& path, const std::string& clone) {
  const std::string disk = VENEER_TRY(DiskAt(path));
  auto record = VENEER_TRY(TakeRecord(disk, path));
  const CloneSource source = VENEER_TRY(FindSource(disk, record.record()));
  VENEER_TRY(RequireNewPath(clone));
  VENEER_TRY(RefuseCloneOn(source.device.device, clone));
  if (!source.held_back) VENEER_TRY(WriteBack(source.device));
  const auto begin = std::chrono::steady_clock::now();
  ClonedFile cloned = VENEER_TRY(source.held_back ? BeginClone(*source.store, clone)
                                                  : CloneSuspended(source, clone, record));
  const StoreClone report{.method = cloned.report.method,
                          .held = std::chrono::steady_clock::now() - begin};
  // What the kernel has written may be in the cache of the host's disk; the clone shares it.
  VENEER_TRY(source.store->Sync());
  VENEER_TRY(PublishClone(std::move(cloned)));
  return report;
}

Result<std::vector<std::string>> DmBackend::Attached() {
  std::vector<std::string> paths = VENEER_TRY(List());
  for (std::string& path : paths) {
    path = DmDevice{.name = dm::NamesOfDisk(place_.instance, path).name, .uuid = ""}.Path();
  }
  return paths;
}

}  // namespace veneer
