#include "backend/dm/dm_backend.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "backend/dm/names.h"
#include "backend/dm/snapshot_target.h"
#include "backend/run_directory.h"
#include "cow/exception_reader.h"
#include "cow/grow.h"
#include "cow/store_info.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

constexpr std::string_view kMapperPath = "/dev/mapper/";
constexpr std::string_view kNamePrefix = "veneer-";
// From the end of a device to the end of the loop device below it.
constexpr std::chrono::seconds kClearPatience{5};

std::unexpected<Error> NoDisk(const std::string& path) {
  return Fail(ErrorKind::kNotFound, fmt::format("no disk is attached at {}", path),
              "name the device that attach printed, and the same --root and --run");
}

// That there is none, or that a command was killed with it. Any other error says nothing of the
// disk: who took it for gone would have a living one detached.
bool IsNoRecord(const Error& error) {
  return error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kCorrupt;
}

std::string LoopPath(unsigned number) { return fmt::format("/dev/loop{}", number); }

}  // namespace

DmBackend::DmBackend(const DmPorts& ports, DmPlace place, std::chrono::milliseconds patience)
    : ports_(ports),
      place_(std::move(place)),
      patience_(patience),
      origins_(ports.loops, ports.devices, place_.instance, directory()) {}

Result<void> DmBackend::RequireHost() {
  return ports_.devices.RequireTarget(std::string(dm::kSnapshotTarget));
}

Result<DmBackend::DirectoryLock> DmBackend::LockDirectory() {
  constexpr std::chrono::minutes kPatience{1};
  DirectoryLock lock{.turn = std::unique_lock(turn_, kPatience), .file = {}};
  if (!lock.turn.owns_lock()) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is locked by this process", directory()),
                "another disk takes very long: try again");
  }
  lock.file = VENEER_TRY(LockRunDirectory(directory()));
  return lock;
}

// The device of a disk of ours, whatever its table.
Result<DmState> DmBackend::StateOf(const std::string& disk) {
  const dm::DeviceNames names = dm::NamesOfDisk(place_.instance, disk);
  DmState state = VENEER_TRY(ports_.devices.Query(names.name));
  if (state.device.uuid != names.uuid) return NoDisk(state.device.Path());
  return state;
}

// The disk that a path names: /dev/mapper/veneer-NAME, or any other node of that device.
Result<std::string> DmBackend::DiskAt(const std::string& path) {
  const std::string mapper = fmt::format("{}{}", kMapperPath, kNamePrefix);
  if (path.starts_with(mapper)) {
    std::string disk = path.substr(mapper.size());
    if (!dm::RequireDiskName(disk)) return NoDisk(path);
    return disk;
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return NoDisk(path);
  const auto devices = VENEER_TRY(ports_.devices.List(dm::UuidPrefix(place_.instance)));
  for (const DmDevice& device : devices) {
    if (device.device != status.st_rdev) continue;
    if (auto disk = dm::DiskOfUuid(place_.instance, device.uuid)) return *std::move(disk);
  }
  return NoDisk(path);
}

Result<DiskFill> DmBackend::Fill(const std::string& path) {
  const std::string disk = VENEER_TRY(DiskAt(path));
  const Result<DmState> state = StateOf(disk);
  if (!state)
    return state.error().kind == ErrorKind::kNotFound ? NoDisk(path) : Fail(state.error());
  DiskFill fill = VENEER_TRY(dm::FillOf(*state));
  if (fill.condition == StoreCondition::kGood) return fill;
  // The kernel gives no numbers any more; the store itself has them.
  const dm::DiskRecord record = VENEER_TRY(dm::ReadRecord(directory(), disk));
  const auto store = VENEER_TRY(StoreBehind(record.store_loop, Access::kReadOnly));
  const StoreFill stored = FillOf(VENEER_TRY(ReadStoreInfo(*store)));
  fill.used = stored.used;
  fill.capacity = stored.capacity;
  return fill;
}

// The locked record of a disk; where nobody lives who would let the disk's users go on, they do.
Result<dm::LockedRecord> DmBackend::TakeRecord(const std::string& disk, const std::string& path) {
  auto record = dm::LockedRecord::TakeExisting(directory(), disk);
  if (!record && record.error().kind == ErrorKind::kNotFound) return NoDisk(path);
  if (record) VENEER_TRY(EndKilled(disk, *record));
  return record;
}

// The store of an attached disk, by the loop device below it: the file may have been renamed.
Result<std::unique_ptr<LinuxFile>> DmBackend::StoreBehind(std::optional<unsigned> loop,
                                                          Access access) {
  if (!loop) {
    return Fail(ErrorKind::kNotFound, "the record of the disk does not name its loop device",
                "detach the disk and attach it again");
  }
  const std::string path = VENEER_TRY(ports_.loops.BackingFile(LoopPath(*loop)));
  if (path.empty()) {
    return Fail(ErrorKind::kFailed,
                fmt::format("what is behind {} cannot be read", LoopPath(*loop)), "try again");
  }
  return LinuxFile::Open(path, access);
}

Result<DiskFill> DmBackend::Grow(const std::string& path, Bytes max_change) {
  const std::string disk = VENEER_TRY(DiskAt(path));
  const auto record = TakeRecord(disk, path);
  if (!record) return Fail(record.error());
  const DmState state = VENEER_TRY(StateOf(disk));
  VENEER_TRY(dm::FillOf(state));  // a snapshot
  if (record->record().access == DiskAccess::kReadOnly) {
    return Fail(Error{ErrorKind::kUsage, EROFS, fmt::format("{} is attached read-only", path),
                      "detach it, then grow its store"});
  }
  const auto store = VENEER_TRY(StoreBehind(record->record().store_loop, Access::kReadWrite));
  const StoreHeader header = VENEER_TRY(ReadHeader(*store));
  const Bytes size = VENEER_TRY(
      StoreSizeFor(Geometry(header.chunk_size), ToBytes(state.status.front().length), max_change));
  // Before the file is lengthened: another one may be at that path by now.
  const FileIdentity identity = VENEER_TRY(store->Identity());
  const HeldLoop loop = VENEER_TRY(ports_.loops.Hold(*record->record().store_loop, identity));
  VENEER_TRY(LengthenStore(*store, size));
  // In any case: a command that was killed may have lengthened the file alone.
  VENEER_TRY(ports_.loops.UpdateSize(loop.device));
  return Fill(path);
}

Result<std::vector<std::string>> DmBackend::List() {
  std::vector<std::string> disks;
  const auto devices = VENEER_TRY(ports_.devices.List(dm::UuidPrefix(place_.instance)));
  for (const DmDevice& device : devices) {
    auto disk = dm::DiskOfUuid(place_.instance, device.uuid);
    if (!disk) continue;
    const auto record = dm::ReadRecord(directory(), *disk);
    if (!record && !IsNoRecord(record.error())) return Fail(record.error());
    if (record && dm::IsAttached(record->state)) disks.push_back(*std::move(disk));
  }
  return disks;
}

Result<void> DmBackend::Detach(const std::string& path) {
  const std::string disk = VENEER_TRY(DiskAt(path));
  auto record = TakeRecord(disk, path);
  if (!record) return Fail(record.error());
  const Removed removed = VENEER_TRY(RemoveDisk(disk, *record));
  if (removed == Removed::kLeftovers) return NoDisk(path);
  return {};
}

Result<DmBackend::Removed> DmBackend::RemoveDisk(const std::string& disk,
                                                 dm::LockedRecord& record) {
  const Taken taken = VENEER_TRY(TakeAway(disk, record));
  record.Erase();
  if (!taken.synced) return Fail(taken.synced.error());
  return taken.what;
}

Result<DmBackend::Taken> DmBackend::TakeAway(const std::string& disk, dm::LockedRecord& record) {
  const dm::DiskRecord before = record.record();
  const Result<DmState> state = StateOf(disk);
  Result<void> synced;
  if (state) {
    // None for an orphan without a record: which file is its store only the kernel knows.
    const auto store = StoreBehind(before.store_loop, Access::kReadOnly);
    dm::DiskRecord detaching = before;
    detaching.state = dm::RecordState::kDetaching;
    VENEER_TRY(record.Write(detaching));
    if (auto removed = RemovePatiently(state->device); !removed) {
      record.Write(before).Ignore("the disk is busy, which is what matters");
      return Fail(removed.error());
    }
    if (store) {
      // The last opener has written its cache back to the store, and the store's file may be
      // cached.
      synced = (*store)->Sync();
      WaitUntilCleared(*before.store_loop, (*store)->name());
    } else if (store.error().kind != ErrorKind::kNotFound) {
      synced = Fail(InContext(store.error(), "sync the store"));
    }
  } else if (state.error().kind != ErrorKind::kNotFound) {
    return Fail(state.error());
  } else {
    RemoveNode(dm::NamesOfDisk(place_.instance, disk).name);
  }
  ReleaseOrigin(before);
  return Taken{.what = state ? Removed::kDevice : Removed::kLeftovers, .synced = synced};
}

// The node of a device that is gone. By now another instance may have a device of that name.
void DmBackend::RemoveNode(const std::string& name) {
  const Result<DmState> state = ports_.devices.Query(name);
  if (state || state.error().kind != ErrorKind::kNotFound) return;
  ports_.devices.Remove(name).Ignore("there is no device: only a node could be left");
}

// The loop device clears itself at once, unless something like udev's blkid just looks at it.
// Whoever detaches expects that the store can be attached again.
void DmBackend::WaitUntilCleared(unsigned loop, const std::string& store) {
  WaitUntil(kClearPatience, [&] {
    const auto behind = ports_.loops.BackingFile(LoopPath(loop));
    return !behind || *behind != store;
  });
}

Result<void> DmBackend::RemovePatiently(const DmDevice& device) {
  Result<void> removed;
  WaitUntil(patience_, [&] {
    removed = ports_.devices.Remove(device.name);
    return removed || removed.error().kind != ErrorKind::kConflict;
  });
  if (removed || removed.error().kind != ErrorKind::kConflict) return removed;
  const auto holders = ports_.holders.OfBlockDevice(device.Path(), device.device);
  return Fail(Error{ErrorKind::kConflict, EBUSY,
                    fmt::format("{} is in use: {}", device.Path(), DescribeHolders(holders)),
                    "close what has it open, then detach again"});
}

void DmBackend::ReleaseOrigin(const dm::DiskRecord& record) {
  const Result<DirectoryLock> lock = LockDirectory();
  if (!lock) return;  // what is unused then is found by Reconcile
  if (record.padded_origin) origins_.ReleasePadded(*record.padded_origin);
  origins_.ForgetCleared();
}

}  // namespace veneer
