// What lies under the mount of a disk: a name that nobody can take for the disk.
//
// Once its server is gone and the dead mount is taken away, the disk's path is the mount point
// itself until that is removed. A regular file would then take writes, sync them and lose them.
// So root's is a socket without any permission, which cannot be opened (ENXIO). Others mount by
// fusermount3, which accepts regular files alone.
#pragma once

#include <sys/stat.h>

#include <string>

#include "backend/user/messages.h"
#include "base/result.h"

namespace veneer {

// Makes the file to mount on, unless something is at `path` already (kFound).
Result<DiskRecord::MountPoint> MakeMountPoint(const std::string& path);

// The socket of MakeMountPoint. Sockets that somebody listens at have permissions.
bool IsSealedMountPoint(const struct stat& status);

// It, or a regular file that nobody has written to.
bool IsUnusedMountPoint(const struct stat& status);

}  // namespace veneer
