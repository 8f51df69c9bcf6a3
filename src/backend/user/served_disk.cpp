#include "backend/user/served_disk.h"

#include <fmt/format.h>
#include <malloc.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "backend/store_clone.h"
#include "backend/store_lock.h"
#include "cow/grow.h"
#include "cow/prefetch.h"

namespace veneer {

Result<std::unique_ptr<ServedDisk>> ServedDisk::Open(const AttachRequest& request, std::string name,
                                                     const Holders& holders) {
  const Access access =
      request.access == DiskAccess::kReadWrite ? Access::kReadWrite : Access::kReadOnly;
  auto origin = VENEER_TRY(LinuxFile::Open(request.origin, Access::kReadOnly));
  auto store = VENEER_TRY(LinuxFile::Open(request.store, access));
  const FileIdentity origin_identity = VENEER_TRY(origin->Identity());
  const FileIdentity store_identity = VENEER_TRY(store->Identity());
  VENEER_TRY(RefuseSame(origin_identity, store_identity, "the store is the origin itself"));
  VENEER_TRY(LockStore(*store, request.access, holders));
  auto same = VENEER_TRY(store->Duplicate());
  PrefetchExceptions(*store);
  auto disk = VENEER_TRY(CowDisk::Open(std::move(origin), std::move(store), request.access));
  ::malloc_trim(0);  // the list took more while it was read than what is kept of it
  std::unique_ptr<ServedDisk> served(
      new ServedDisk(std::move(name), std::move(same), std::move(disk)));
  if (request.access == DiskAccess::kReadWrite) served->disk_->HoldWritersBy(served->hold_);
  return served;
}

Result<void> ServedDisk::Flush() {
  if (disk_->access() == DiskAccess::kReadOnly) return {};
  return disk_->Flush();
}

Result<StoreFill> ServedDisk::Grow(Bytes max_change) {
  if (disk_->access() == DiskAccess::kReadOnly) {
    return Fail(Error{ErrorKind::kUsage, EROFS, fmt::format("{} is attached read-only", name_),
                      "detach it, then grow its store"});
  }
  const auto chunk_size = VENEER_TRY(ChunkSize::FromBytes(disk_->chunk_size()));
  const Bytes size = VENEER_TRY(StoreSizeFor(Geometry(chunk_size), disk_->size(), max_change));
  VENEER_TRY(LengthenServedStore(*store_, size));
  VENEER_TRY(disk_->UpdateStoreSize());
  return disk_->Fill();
}

Result<StoreClone> ServedDisk::CloneStore(const std::string& clone,
                                          const std::function<bool()>& wanted) {
  if (disk_->access() == DiskAccess::kReadOnly) return NoCloneOfReadOnly(name_);
  VENEER_TRY(RequireNewPath(clone));
  std::optional<ClonedFile> cloned;
  const auto begin_clone = [&]() -> Result<void> {
    cloned.emplace(VENEER_TRY(BeginClone(*store_, clone)));
    return {};
  };
  const auto held = VENEER_TRY(disk_->AtCommittedMoment(begin_clone));
  if (!wanted()) return Fail(ErrorKind::kFailed, "whoever asked for the clone is gone");
  const CloneMethod method = cloned->report.method;
  VENEER_TRY(PublishClone(*std::move(cloned)));
  return StoreClone{.method = method, .held = held};
}

}  // namespace veneer
