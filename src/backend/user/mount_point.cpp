#include "backend/user/mount_point.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace veneer {
namespace {

constexpr mode_t kPermissions = 07777;

bool MakeSealed(const std::string& path) { return ::mknod(path.c_str(), S_IFSOCK, 0) == 0; }

bool MakeRegular(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600))
      .valid();
}

}  // namespace

Result<DiskRecord::MountPoint> MakeMountPoint(const std::string& path) {
  if (::geteuid() == 0 ? MakeSealed(path) : MakeRegular(path)) {
    return DiskRecord::MountPoint::kMade;
  }
  if (errno == EEXIST) return DiskRecord::MountPoint::kFound;
  return FailErrno(errno, fmt::format("make {}", path), "choose a path that can be made");
}

bool IsSealedMountPoint(const struct stat& status) {
  return S_ISSOCK(status.st_mode) && (status.st_mode & kPermissions) == 0;
}

bool IsUnusedMountPoint(const struct stat& status) {
  return IsSealedMountPoint(status) || (S_ISREG(status.st_mode) && status.st_size == 0);
}

}  // namespace veneer
