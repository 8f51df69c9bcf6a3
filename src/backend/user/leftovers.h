// What servers left behind that were killed: mounts that answer ENOTCONN, loop devices on them,
// files that were made to be mounted on, sockets nobody listens at (the control socket, NBD's).
//
// The caller holds LockRunDirectory of their directory. Not for use in a process that serves a disk
// already.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "backend/user/disk_place.h"
#include "backend/user/host_ports.h"
#include "backend/user/messages.h"
#include "base/result.h"
#include "kernel/mount_table.h"

namespace veneer {

// The process that listens at the socket; nothing where none does.
Result<std::optional<pid_t>> ServerBehind(const DiskFiles& files);

// Removes a dead server's disk: frees its loop devices, unmounts it, removes its files.
// kConflict where a loop device is in use, with its holders, or the server lives after all;
// nothing has changed then.
Result<void> RemoveDeadMount(const MountEntry& mount, const HostPorts& ports);

// Removes the files of a dead server's disk that is not mounted (any more).
void RemoveFiles(const DiskFiles& files, const std::string& path);

// Removes what was made at record.path for the disk: a mount point that nobody has
// written to, or a socket. Anything else stays.
void RemovePlace(const DiskRecord& record);

// Makes sure that nothing is attached at `path` and that `files` are free. kConflict where
// something else is mounted there, or a server is at work.
Result<void> ClearPlace(const std::string& path, const DiskFiles& files, const HostPorts& ports);

}  // namespace veneer
