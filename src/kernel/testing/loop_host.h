// For tests that need real loop devices and mounts.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/unique_fd.h"
#include "kernel/linux/linux_file.h"
#include "kernel/loop_control.h"

namespace veneer::testing {

inline bool HostHasLoops() {
  return ::geteuid() == 0 && UniqueFd(::open("/dev/loop-control", O_RDWR | O_CLOEXEC)).valid();
}

// For a file that is served by FUSE, and loop devices on it.
inline bool HostHasFuseAndLoops() {
  return HostHasLoops() && ::access("/dev/fuse", R_OK | W_OK) == 0;
}
inline constexpr const char* kNoFuseAndLoops = "needs root, FUSE and loop devices";

// Gives the calling process, which must have one thread, a mount namespace that changes apart from
// the others. In a chroot "/" is no mount point (EINVAL) and keeps the propagation that it has.
inline bool EnterMountNamespace() {
  if (::unshare(CLONE_NEWNS) != 0) return false;
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 || errno == EINVAL;
}

// Frees every loop device on the file, as a test must however it ends.
inline void FreeLoopsOn(LoopControl& loops, const FileIdentity& file, const std::string& path) {
  const auto found = loops.Find(file, path);
  if (!found) return;
  for (const LoopDevice& device : *found)
    loops.Detach(device, OnWriteError::kGoOn).Ignore("cleaning up");
}

}  // namespace veneer::testing
