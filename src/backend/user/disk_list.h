// The disks that have files under the run directory, whether their servers live or not.
//
// Blocks as the file systems do; no disk is touched. Any thread, any process.
#pragma once

#include <string>
#include <vector>

#include "backend/user/disk_place.h"
#include "base/result.h"
#include "kernel/mounts.h"

namespace veneer {

// Of each of them: a killed server may have left any of its files. Fails where that cannot be told:
// a disk that is not found counts as gone.
Result<std::vector<DiskFiles>> DisksIn(const std::string& run_dir);

// Whether that mount is the disk with these files.
bool IsMountOf(const MountEntry& mount, const DiskFiles& files);

// The disks that can be opened and whose server lives, as AttachDisk returned their paths; sorted.
// Without those of other users.
Result<std::vector<std::string>> AttachedDisks(const std::string& run_dir, const Mounts& mounts);

// Whether the disk that AttachDisk called `path` is one of them.
Result<bool> IsDiskAttached(const std::string& run_dir, const std::string& path,
                            const Mounts& mounts);

}  // namespace veneer
