// DmBackend::Attach.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>

#include "backend/dm/dm_backend.h"
#include "backend/dm/names.h"
#include "backend/dm/snapshot_target.h"
#include "backend/run_directory.h"
#include "backend/store_lock.h"
#include "cow/disk_size.h"
#include "cow/exception_reader.h"
#include "cow/grow.h"
#include "cow/kernel_activation.h"
#include "cow/store_file.h"

namespace veneer {

// A store that is locked, sound and active: the kernel takes it as it is.
struct DmBackend::OpenStore {
  std::unique_ptr<LinuxFile> file;
  StoreHeader header;
  Bytes image_size;
  Bytes disk_size;
  std::uint64_t exceptions = 0;

  // Whether the kernel may activate it by itself (kernel_activation.h).
  [[nodiscard]] bool is_fresh() const {
    return exceptions == 0 && disk_size == image_size && header.recorded;
  }
};

namespace {

Access AccessOf(DiskAccess access) {
  return access == DiskAccess::kReadWrite ? Access::kReadWrite : Access::kReadOnly;
}

// The kernel takes chunks behind the last one in use only, where the engine takes gaps as well; so
// a store that is to hold the whole disk needs room for its gaps. And a last area must never fill
// up right at the end of the file: the kernel would invalidate the store (docs/format.md).
Result<void> FitForKernel(LinuxFile& file, const Geometry& geometry, Bytes disk_size, Chunks gaps) {
  const Chunks capacity = geometry.WholeChunks(VENEER_TRY(file.Size()));
  const Chunks whole_disk = geometry.ChunksFor(disk_size);
  Chunks needed = capacity;
  if (capacity >= geometry.StoreChunksFor(whole_disk)) {
    needed = std::max(needed, geometry.StoreChunksFor(whole_disk + gaps));
  }
  if (geometry.IsMetadata(StoreChunk(needed.value()))) needed += Chunks(1);
  if (needed == capacity) return {};
  return LengthenStore(file, geometry.chunk_size().bytes() * needed.value());
}

// The kernel trusts every exception and would write into what a torn commit left behind the list:
// all is looked at, and the rest cleaned, before it gets the store. Returns how many there are.
// Nothing need be durable before the kernel's own first flush, which covers it.
Result<std::uint64_t> MakeSound(LinuxFile& file, Bytes disk_size, DiskAccess access) {
  auto same = VENEER_TRY(file.Duplicate());
  const auto mode =
      access == DiskAccess::kReadWrite ? StoreFile::Mode::kReadWrite : StoreFile::Mode::kReadOnly;
  StoreChunk last(0);
  const auto store =
      VENEER_TRY(StoreFile::Open(std::move(same), disk_size, mode, [&](const Exception& exception) {
        last = std::max(last, exception.store);
      }));
  if (access == DiskAccess::kReadOnly) return store->committed();
  const Chunks taken = store->geometry().DataChunksBefore(last + Chunks(1));
  VENEER_TRY(FitForKernel(file, store->geometry(), disk_size, taken - Chunks(store->committed())));
  return store->committed();
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

}  // namespace

Result<DmBackend::OpenStore> DmBackend::PrepareStore(const DiskRequest& request,
                                                     const LinuxFile& origin) {
  OpenStore store;
  store.image_size = VENEER_TRY(origin.Size());
  VENEER_TRY(dm::RequireWholeSectors(request.origin, store.image_size));
  store.file = VENEER_TRY(LinuxFile::Open(request.store, AccessOf(request.access)));
  const FileIdentity origin_identity = VENEER_TRY(origin.Identity());
  const FileIdentity store_identity = VENEER_TRY(store.file->Identity());
  VENEER_TRY(RefuseSame(origin_identity, store_identity, "the store is the origin itself"));
  VENEER_TRY(LockStore(*store.file, request.access, ports_.holders));
  const StoreHeader header = VENEER_TRY(ReadHeader(*store.file));
  if (header.activation == Activation::kNever && request.access == DiskAccess::kReadOnly) {
    return Fail(
        ErrorKind::kUnsupported,
        fmt::format("{} was never written: the kernel cannot attach it read-only", request.store),
        "use --backend user, or attach it for writing once");
  }
  store.disk_size = VENEER_TRY(DiskSizeOf(header, store.image_size));
  VENEER_TRY(dm::RequireWholeSectors(request.store, store.disk_size));
  store.exceptions = VENEER_TRY(MakeSound(*store.file, store.disk_size, request.access));
  store.header = VENEER_TRY(ReadHeader(*store.file));
  return store;
}

Result<AttachedDisk> DmBackend::Attach(const DiskRequest& request) {
  VENEER_TRY(dm::RequireDiskName(request.name));
  VENEER_TRY(RequireHost());
  const auto origin = VENEER_TRY(LinuxFile::Open(request.origin, Access::kReadOnly));
  const OpenStore store = VENEER_TRY(PrepareStore(request, *origin));
  VENEER_TRY(PrepareRunDirectory(directory()));
  auto record = VENEER_TRY(dm::LockedRecord::Take(directory(), request.name));
  const dm::DiskRecord before = record.record();
  if (!record.made()) VENEER_TRY(ClaimName(request.name, record));
  if (auto built = Build(request, *origin, store, record); !built) {
    Undo(before, record);
    return Fail(built.error());
  }
  const DmDevice device{.name = dm::NamesOfDisk(place_.instance, request.name).name, .uuid = ""};
  return AttachedDisk{.path = device.Path(), .device = device.Path()};
}

// A name that has a record already: taken, unless a command was killed with it. The record stays
// locked throughout: whoever else waits for the name finds what we have made of it.
Result<void> DmBackend::ClaimName(const std::string& disk, dm::LockedRecord& record) {
  const Result<DmState> state = StateOf(disk);
  if (!state && state.error().kind != ErrorKind::kNotFound) return Fail(state.error());
  if (state && dm::IsAttached(record.record().state)) {
    return Fail(
        Error{ErrorKind::kConflict, EEXIST,
              fmt::format("the name {} is taken: {} is attached", disk, state->device.Path()),
              "choose another name, or detach that disk first"});
  }
  const bool something_left = state || record.record().padded_origin.has_value();
  if (!something_left) return {};
  const Taken taken = VENEER_TRY(TakeAway(disk, record));
  if (!taken.synced) record.Erase();
  return taken.synced;
}

Result<void> DmBackend::Build(const DiskRequest& request, const LinuxFile& origin,
                              const OpenStore& store, dm::LockedRecord& record) {
  dm::DiskRecord next{.state = dm::RecordState::kAttaching,
                      .store = Absolute(request.store),
                      .origin = Absolute(request.origin),
                      .access = request.access};
  VENEER_TRY(record.Write(next));
  const HeldLoop loop =
      VENEER_TRY(ports_.loops.AttachHeld(*store.file, {.access = AccessOf(request.access)}));
  const DirectoryLock lock = VENEER_TRY(LockDirectory());
  const dm::OriginDevice base =
      VENEER_TRY(origins_.Take(origin, store.image_size, store.disk_size));
  next.store_loop = loop.device.number;
  next.padded_origin = base.padded;
  VENEER_TRY(record.Write(next));
  const dm::DeviceNames names = dm::NamesOfDisk(place_.instance, request.name);
  const dm::SnapshotDevices devices{.origin = base.device, .store = loop.device.device};
  VENEER_TRY(
      StartOn(store, {.name = names.name,
                      .uuid = names.uuid,
                      .table = dm::SnapshotTable(devices, Sectors(store.disk_size / kSectorSize),
                                                 store.header.chunk_size),
                      .access = AccessOf(request.access)}));
  next.state = dm::RecordState::kAttached;
  const Result<void> recorded = record.Write(next);
  if (!recorded) ports_.devices.Remove(names.name).Ignore("Reconcile finds it");
  return recorded;
}

Result<void> DmBackend::StartOn(const OpenStore& store, const DmSpec& spec) {
  if (spec.access == Access::kReadOnly || !store.is_fresh()) return Start(spec);
  VENEER_TRY(LeaveToKernel(*store.file, store.header));
  Result<void> started = Start(spec);
  Result<void> restored = RestoreRecord(*store.file, store.header);
  if (!started) return started;
  if (!restored) ports_.devices.Remove(spec.name).Ignore("that the store fails is what matters");
  return restored;
}

// Creates the device, and looks whether the kernel could use the store: it loads one that it gave
// up before, and fails every read and write then.
Result<void> DmBackend::Start(const DmSpec& spec) {
  VENEER_TRY(ports_.devices.Create(spec));
  const Result<void> usable = [&]() -> Result<void> {
    const DmState state = VENEER_TRY(ports_.devices.Query(spec.name));
    const DiskFill fill = VENEER_TRY(dm::FillOf(state));
    if (fill.condition != StoreCondition::kInvalid) return {};
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the kernel finds the store of {} invalid", spec.name),
                "run 'veneer cow check' on it");
  }();
  if (usable) return {};
  Error error = usable.error();
  const Result<void> removed = ports_.devices.Remove(spec.name);
  if (!removed) error.hint += fmt::format(" (and then: {})", removed.error().what);
  return Fail(std::move(error));
}

// All devices of a failed Build went with its scope, but for a padded origin. What was recorded as
// attached without a device of its name may have been renamed by somebody, and is still there then.
void DmBackend::Undo(const dm::DiskRecord& before, dm::LockedRecord& record) {
  ReleaseOrigin(record.record());
  if (!dm::IsAttached(before.state)) return record.Erase();
  record.Write(before).Ignore("that the attach failed is what matters");
}

}  // namespace veneer
