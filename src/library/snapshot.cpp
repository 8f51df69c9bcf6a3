#include "library/snapshot.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "cow/create.h"
#include "format/geometry.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/wait_until.h"
#include "library/disk_host_parts.h"
#include "library/sizes.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kClearPatience{5};

Result<Snapshot> Attach(DiskHost& host, const SnapshotRequest& request) {
  AttachedDisk disk = VENEER_TRY(host.parts().backend->Attach(
      {.store = request.store, .origin = request.origin, .name = request.name, .at = request.at}));
  return Snapshot{.path = std::move(disk.path)};
}

// Of an attach that failed; unless somebody else has attached it meanwhile, whose lock stays. That
// of our own loop device goes with it, at once or when udev has looked at it.
void RemoveStore(const std::string& path) {
  const auto store = LinuxFile::Open(path, Access::kReadWrite);
  if (!store) return;
  const bool ours = WaitUntil(
      kClearPatience, [&] { return (*store)->TryLock(LinuxFile::Lock::kExclusive).has_value(); });
  if (ours) ::unlink(path.c_str());
}

}  // namespace

Result<Snapshot> CreateSnapshot(DiskHost& host, const SnapshotRequest& request,
                                const StoreOptions& options) {
  const CreateOptions create{.chunk_size = VENEER_TRY(ChunkSize::FromBytes(options.chunk_size)),
                             .origin_size = VENEER_TRY(OriginSize(request.origin)),
                             .disk_size = options.disk_size,
                             .max_change = options.max_change};
  VENEER_TRY(CreateStore(request.store, create));
  Result<Snapshot> attached = Attach(host, request);
  if (!attached) RemoveStore(request.store);
  return attached;
}

Result<Snapshot> RestoreSnapshot(DiskHost& host, const SnapshotRequest& request,
                                 const std::optional<TemplateIdentity>& made_from) {
  if (made_from) VENEER_TRY(VerifyTemplate(request.origin, *made_from));
  return Attach(host, request);
}

Result<void> RemoveSnapshot(DiskHost& host, const std::string& path) {
  return host.parts().backend->Detach(path);
}

}  // namespace veneer
