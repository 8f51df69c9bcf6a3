// Nodes of devices in /dev, which the kernel (devtmpfs) or udev keeps, or in a container nobody.
//
// Any thread; blocks as opening the device does.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// Opens a device node (O_CLOEXEC is added), which is made first where it is missing. `type`:
// S_IFBLK or S_IFCHR. Not valid on failure, and errno says why.
UniqueFd OpenNode(const std::string& path, int flags, mode_t type, dev_t device);

// Whether `path` leads to this block device.
bool IsBlockNode(const std::string& path, dev_t device);

// Has `path` lead to this block device; what else is there is replaced. Its directory is there.
Result<void> EnsureBlockNode(const std::string& path, dev_t device);

// Has `path` no longer lead to a device that is gone: takes away its node, or a link to nowhere.
// What leads to another device stays.
Result<void> RemoveBlockNode(const std::string& path, dev_t device);

}  // namespace veneer
