// Where an attached disk is, and its files under the run directory.
//
//   <run>/disks/KEY.sock   the server's control socket; the mount's source names it
//   <run>/disks/KEY.json   what the server is (see DiskRecord), for when it is dead
//   <run>/disks/KEY.log    what it had to say; goes with it unless it failed
//
// KEY follows from the disk's path. The directories are their owner's alone (0700).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// The absolute path, without symbolic links, that a disk attached at `at` has. It need not exist,
// its directory must. kUsage for a directory or anything else that is no regular file.
// Where something is mounted at the path, what that is does not matter and it is not touched.
Result<std::string> ResolveDiskPath(const std::string& at);

// The same for the socket of a disk that is attached by NBD: what exists there is not looked at.
// kUsage where it is too long for a socket.
Result<std::string> ResolveSocketPath(const std::string& at);

struct DiskFiles {
  std::string directory;
  std::string key;

  [[nodiscard]] std::string Socket() const { return directory + "/" + key + ".sock"; }
  [[nodiscard]] std::string Record() const { return directory + "/" + key + ".json"; }
  [[nodiscard]] std::string Log() const { return directory + "/" + key + ".log"; }
};

// The files of the disk at `path` (from ResolveDiskPath).
DiskFiles FilesOfDisk(const std::string& run_dir, const std::string& path);

// The files beside a control socket; nothing where the name is not one of ours.
std::optional<DiskFiles> FilesOfSocket(std::string_view socket);

}  // namespace veneer
