#include "kernel/linux/linux_mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

// The way of a user who is not root: fusermount3 is set-uid and unmounts what is that user's.
Result<void> UnmountAsUser(const std::string& path, UnmountMode mode) {
  std::string program = "fusermount3";
  std::string flags = mode == UnmountMode::kLazy ? "-quz" : "-qu";
  std::string end = "--";
  std::string target = path;
  char* arguments[] = {program.data(), flags.data(), end.data(), target.data(), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ);
  if (error != 0) return FailErrno(error, "run fusermount3", "install the package fuse3");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return FailErrno(errno, "wait for fusermount3");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  // It tells nothing but "failed"; a mount in use is by far the likeliest reason.
  return Fail(Error{ErrorKind::kConflict, EBUSY, fmt::format("unmount {}: it is in use", path),
                    "close what has it open"});
}

// Whether it is worth while to read the table, which costs some microseconds a mount. What is
// mounted there is not asked for anything: its server may be dead, or stuck.
bool MayBeMountPoint(const std::string& path) {
  struct statx status{};
  constexpr int kOnlyLook = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(AT_FDCWD, path.c_str(), kOnlyLook, STATX_TYPE, &status) != 0) return errno != ENOENT;
  const bool told = (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;  // Linux 5.8
  return !told || (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace

Result<std::vector<MountEntry>> LinuxMounts::List() const {
  const std::string text = VENEER_TRY(ReadText("/proc/self/mountinfo"));
  return ParseMountTable(text);
}

Result<std::optional<MountEntry>> LinuxMounts::At(const std::string& path) const {
  if (!MayBeMountPoint(path)) return std::optional<MountEntry>{};
  const std::vector<MountEntry> table = VENEER_TRY(List());
  const MountEntry* entry = MountAt(table, path);
  if (entry == nullptr) return std::optional<MountEntry>{};
  return std::optional<MountEntry>{*entry};
}

Result<void> LinuxMounts::Unmount(const std::string& path, UnmountMode mode) {
  const int flags = UMOUNT_NOFOLLOW | (mode == UnmountMode::kLazy ? MNT_DETACH : 0);
  if (::umount2(path.c_str(), flags) == 0) return {};
  const int error = errno;
  if (error == EPERM && ::geteuid() != 0) return UnmountAsUser(path, mode);
  if (error == EINVAL) {
    return Fail(ErrorKind::kNotFound, fmt::format("nothing is mounted at {}", path));
  }
  return FailErrno(error, fmt::format("unmount {}", path),
                   error == EPERM ? "run as root" : "close what has it open");
}

}  // namespace veneer
