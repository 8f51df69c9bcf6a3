// Whether a test can have a mount namespace that nothing spreads into or out of.
//
// That is made by changing the root directory's mount (MS_PRIVATE), so the root must be one. In a
// plain chroot it is an ordinary directory, and mount(2) says EINVAL.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

namespace veneer::testing {

inline constexpr const char* kNoPrivateMounts =
    "the root directory is no mount point (a plain chroot), so mounts cannot be made private";

inline bool HostHasPrivateMounts() {
  struct statx status{};
  return ::statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace veneer::testing
