#include "kernel/linux/device_node.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace veneer {
namespace {

// Exactly these, whatever the umask is: the owner alone, as the file behind may be anybody's.
Result<void> MakeBlockNode(const std::string& path, dev_t device) {
  constexpr mode_t kMode = S_IFBLK | S_IRUSR | S_IWUSR;
  if (::mknod(path.c_str(), kMode, device) == 0) return {};
  return FailErrno(errno, fmt::format("make the node {}", path));
}

}  // namespace

UniqueFd OpenNode(const std::string& path, int flags, mode_t type, dev_t device) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.valid() || errno != ENOENT) return fd;
  if (::mknod(path.c_str(), type | 0660, device) != 0 && errno != EEXIST) {
    errno = ENOENT;
    return {};
  }
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

bool IsBlockNode(const std::string& path, dev_t device) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode) && status.st_rdev == device;
}

Result<void> EnsureBlockNode(const std::string& path, dev_t device) {
  if (IsBlockNode(path, device)) return {};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("replace the node {}", path));
  }
  const Result<void> made = MakeBlockNode(path, device);
  // udev may have made it at the same moment.
  return made || IsBlockNode(path, device) ? Result<void>{} : made;
}

Result<void> RemoveBlockNode(const std::string& path, dev_t device) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};
  const bool dangling = S_ISLNK(status.st_mode) && ::stat(path.c_str(), &status) != 0;
  if (!dangling && !IsBlockNode(path, device)) return {};
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("remove the node {}", path));
}

}  // namespace veneer
