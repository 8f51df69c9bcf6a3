// Finds the server of an attached disk, and asks it.
//
// Blocks: Ask for as long as the answer takes, at most `patience`; the last flush writes what the
// host has in its cache, which takes minutes. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/disk_place.h"
#include "backend/user/messages.h"
#include "base/result.h"
#include "kernel/mount_table.h"

namespace veneer {

// An attached disk, whether its server lives or not.
struct FoundDisk {
  std::string path;  // of the file, or of the socket
  DiskFiles files;
  std::optional<MountEntry> mount;  // of the file
};

// kNotFound: no disk of ours is there.
Result<FoundDisk> FindDisk(const DiskName& name);

// The same without a look at the mounts, where the disk is as AttachDisk left it: for who asks
// thousands of disks again and again.
Result<FoundDisk> FindServedDisk(const DiskName& name);

// The server of that disk, for one question. kFailed where it is dead: the hint says how to clean
// up.
Result<Connection> ServerOf(const FoundDisk& disk);

// Sends the request to the disk's server and yields the line that it answers. kFailed where it
// dies meanwhile: the hint says how to clean up.
Result<std::string> Ask(const FoundDisk& disk, const Connection& server,
                        const ControlRequest& request,
                        std::chrono::milliseconds patience = std::chrono::minutes(10));

}  // namespace veneer
