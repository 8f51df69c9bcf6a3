// What every backend does around the clone of a store, while the disk's users go on: before they
// are held back, and after.
//
// Blocks as the file systems do. Any thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "cow/clone.h"

namespace veneer {

// Whether `clone` can become a new file: nobody is to be held back for one that cannot. kUsage for
// no name of a file, kConflict where it exists, kNotFound where its directory does not.
Result<void> RequireNewPath(const std::string& clone);

// kUsage where `clone` would lie in a file system on that very block device: whoever writes it
// while the device's users are held back waits for himself.
Result<void> RefuseCloneOn(dev_t device, const std::string& clone);

// Writes back what the kernel caches of a disk, as a program that has it open could ask for.
Result<void> WriteBackDisk(const std::string& path);

// Makes a clone durable, under its name.
Result<void> PublishClone(ClonedFile clone);

// kUsage: what a backend says of a disk without a store that changes.
std::unexpected<Error> NoCloneOfReadOnly(const std::string& path);

}  // namespace veneer
