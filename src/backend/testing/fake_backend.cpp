#include "backend/testing/fake_backend.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <utility>

#include "backend/store_lock.h"
#include "cow/exception_reader.h"
#include "cow/grow.h"

namespace veneer::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStep = std::size_t{1} << 20U;

Result<std::unique_ptr<LinuxFile>> MakeFile(const std::string& path, Bytes size) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(errno, path);
  auto file = std::make_unique<LinuxFile>(std::move(fd), path);
  VENEER_TRY(file->Resize(size));
  return file;
}

// Calls `visit` with each stretch of the disk, at most kStep bytes long.
template <class Visit>
Result<void> ForEachStep(Bytes size, Visit visit) {
  for (ByteOffset at(0); at < ByteOffset(size.value());) {
    const Bytes length = std::min(Bytes(kStep), ByteOffset(size.value()) - at);
    VENEER_TRY(visit(at, length));
    at = at + length;
  }
  return {};
}

Result<void> CopyOut(CowDisk& disk, File& file) {
  std::vector<std::byte> bytes(kStep);
  return ForEachStep(disk.size(), [&](ByteOffset at, Bytes length) -> Result<void> {
    const std::span part(bytes.data(), length.value());
    VENEER_TRY(disk.Read(at, part));
    if (std::ranges::all_of(part, [](std::byte b) { return b == std::byte{0}; })) return {};
    return file.WriteAt(at, part);
  });
}

// Writes each chunk that differs.
Result<void> CopyBack(const File& file, CowDisk& disk) {
  const std::size_t chunk = disk.chunk_size().value();
  std::vector<std::byte> now(kStep);
  std::vector<std::byte> before(kStep);
  auto copied = ForEachStep(disk.size(), [&](ByteOffset at, Bytes length) -> Result<void> {
    VENEER_TRY(file.ReadAt(at, std::span(now.data(), length.value())));
    VENEER_TRY(disk.Read(at, std::span(before.data(), length.value())));
    for (std::size_t begin = 0; begin < length.value(); begin += chunk) {
      const std::size_t size = std::min<std::size_t>(chunk, length.value() - begin);
      const std::span changed(now.data() + begin, size);
      if (std::ranges::equal(changed, std::span(before.data() + begin, size))) continue;
      VENEER_TRY(disk.Write(at + Bytes(begin), changed));
    }
    return {};
  });
  if (!copied) return copied;
  return disk.Flush();
}

std::unexpected<Error> NoDisk(const std::string& path) {
  return Fail(ErrorKind::kNotFound, fmt::format("no disk is attached at {}", path));
}

}  // namespace

Result<void> FakeBackend::FailIfAsked(Op op) {
  const auto found = failures_.find(op);
  if (found == failures_.end()) return {};
  Error error = std::move(found->second);
  failures_.erase(found);
  return Fail(std::move(error));
}

Result<FakeBackend::Disk*> FakeBackend::Find(const std::string& path) {
  const auto found = disks_.find(path);
  if (found == disks_.end()) return NoDisk(path);
  return &found->second;
}

Result<void> FakeBackend::RequireWritable(const std::string& path, const Disk& disk) {
  if (disk.cow->access() == DiskAccess::kReadWrite) return {};
  return Fail(Error{ErrorKind::kUsage, EROFS, fmt::format("{} is attached read-only", path), ""});
}

Result<void> FakeBackend::RequireHost() { return FailIfAsked(Op::kRequireHost); }

Result<AttachedDisk> FakeBackend::Attach(const DiskRequest& request) {
  VENEER_TRY(FailIfAsked(Op::kAttach));
  const std::string path =
      fs::absolute(request.at.empty() ? directory_ + "/" + request.name : request.at).string();
  const auto taken = std::ranges::any_of(disks_, [&](const auto& entry) {
    return entry.first == path || (!request.name.empty() && entry.second.name == request.name);
  });
  if (taken) return Fail(ErrorKind::kConflict, fmt::format("{} is in use", path));
  const bool writable = request.access == DiskAccess::kReadWrite;
  auto origin = VENEER_TRY(LinuxFile::Open(request.origin, Access::kReadOnly));
  auto store =
      VENEER_TRY(LinuxFile::Open(request.store, writable ? Access::kReadWrite : Access::kReadOnly));
  const FileIdentity origin_identity = VENEER_TRY(origin->Identity());
  const FileIdentity store_identity = VENEER_TRY(store->Identity());
  VENEER_TRY(RefuseSame(origin_identity, store_identity, "the store is the origin itself"));
  VENEER_TRY(store->TryLock(writable ? LinuxFile::Lock::kExclusive : LinuxFile::Lock::kShared));
  auto same_store = VENEER_TRY(store->Duplicate());
  auto cow = VENEER_TRY(CowDisk::Open(std::move(origin), std::move(store), request.access));
  const bool made = !fs::exists(path);
  const auto file = VENEER_TRY(MakeFile(path, cow->size()));
  VENEER_TRY(CopyOut(*cow, *file));
  disks_.emplace(path, Disk{.cow = std::move(cow),
                            .store = std::move(same_store),
                            .name = request.name,
                            .made = made});
  return AttachedDisk{.path = path};
}

Result<void> FakeBackend::Detach(const std::string& path) {
  VENEER_TRY(FailIfAsked(Op::kDetach));
  Disk* const disk = VENEER_TRY(Find(path));
  if (std::exchange(dies_at_detach_, false)) {
    Drop(path);
    return FailErrno(EPIPE, fmt::format("detach {}", path));
  }
  if (disk->cow->access() == DiskAccess::kReadWrite) {
    const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
    VENEER_TRY(CopyBack(*file, *disk->cow));
  }
  Drop(path);
  return {};
}

Result<DiskFill> FakeBackend::Fill(const std::string& path) {
  VENEER_TRY(FailIfAsked(Op::kFill));
  const Disk* const disk = VENEER_TRY(Find(path));
  return disk->cow->Fill();
}

Result<DiskFill> FakeBackend::Grow(const std::string& path, Bytes max_change) {
  VENEER_TRY(FailIfAsked(Op::kGrow));
  const Disk* const disk = VENEER_TRY(Find(path));
  VENEER_TRY(RequireWritable(path, *disk));
  const StoreHeader header = VENEER_TRY(ReadHeader(*disk->store));
  const Bytes size =
      VENEER_TRY(StoreSizeFor(Geometry(header.chunk_size), disk->cow->size(), max_change));
  VENEER_TRY(LengthenStore(*disk->store, size));
  VENEER_TRY(disk->cow->UpdateStoreSize());
  return disk->cow->Fill();
}

Result<StoreClone> FakeBackend::CloneStore(const std::string& path, const std::string& clone) {
  VENEER_TRY(FailIfAsked(Op::kCloneStore));
  const Disk* const disk = VENEER_TRY(Find(path));
  VENEER_TRY(RequireWritable(path, *disk));
  const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  VENEER_TRY(CopyBack(*file, *disk->cow));
  const CloneReport report = VENEER_TRY(CloneFile(*disk->store, clone));
  return StoreClone{.method = report.method};
}

Result<std::vector<std::string>> FakeBackend::Attached() {
  VENEER_TRY(FailIfAsked(Op::kAttached));
  std::vector<std::string> paths;
  paths.reserve(disks_.size());
  for (const auto& [path, disk] : disks_) paths.push_back(path);
  return paths;
}

Result<DiskActivity> FakeBackend::Keep(const std::string& path, const WriteLease& lease) {
  if (const auto act = std::exchange(during_keep_, nullptr)) act();
  VENEER_TRY(FailIfAsked(Op::kKeep));
  Disk* const disk = VENEER_TRY(Find(path));
  const Bytes available = VENEER_TRY(disk->store->AvailableBytes());
  const bool held =
      IsTooLittle(available, lease.mark, disk->writers == Writers::kHeld) && lease.term.count() > 0;
  disk->writers = held ? Writers::kHeld : Writers::kGoOn;
  return DiskActivity{
      .counters = disk->cow->counters(), .writers = disk->writers, .fill = disk->cow->Fill()};
}

Result<void> FakeBackend::LetGo(const std::string& path, std::chrono::milliseconds /*term*/) {
  Disk* const disk = VENEER_TRY(Find(path));
  disk->writers = Writers::kGoOn;
  return {};
}

bool FakeBackend::IsHeld(const std::string& path) const {
  const auto found = disks_.find(path);
  return found != disks_.end() && found->second.writers == Writers::kHeld;
}

void FakeBackend::Drop(const std::string& path) {
  const auto found = disks_.find(path);
  if (found == disks_.end()) return;
  std::error_code error;
  if (found->second.made) fs::remove(path, error);
  disks_.erase(found);
}

}  // namespace veneer::testing
