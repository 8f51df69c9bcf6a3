#include "backend/store_lock.h"

#include <fmt/format.h>

#include <cerrno>
#include <string>

namespace veneer {

Result<void> LockStore(const LinuxFile& store, DiskAccess access, const Holders& holders) {
  Result<void> locked = store.TryLock(access == DiskAccess::kReadWrite ? LinuxFile::Lock::kExclusive
                                                                       : LinuxFile::Lock::kShared);
  if (locked || locked.error().kind != ErrorKind::kConflict) return locked;
  const FileIdentity identity = VENEER_TRY(store.Identity());
  return Fail(Error{ErrorKind::kConflict, EBUSY,
                    fmt::format("{} is in use: {}", store.name(),
                                DescribeHolders(holders.OfFile(identity, store.name()))),
                    "detach it first: veneer cow detach PATH"});
}

Result<void> RefuseSame(const FileIdentity& one, const FileIdentity& other,
                        std::string_view message) {
  if (one != other) return {};
  return Fail(ErrorKind::kUsage, std::string(message), "name different files");
}

}  // namespace veneer
