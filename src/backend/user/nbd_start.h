// Starts the server process of a disk that is attached by NBD: nbdkit, with a plugin that is ours.
//
//   veneer cow attach ──starts──> veneer cow serve ──becomes──> nbdkit nbdkit-veneer-plugin.so …
//
// nbdkit takes its socket from whoever starts it (systemd's socket activation), so it is made
// first, by the process that becomes nbdkit, and listens once the plugin has opened the disk
// (nbd_process.h).
#pragma once

#include <string>

#include "backend/user/attachment.h"
#include "base/unique_fd.h"

namespace veneer {

struct NbdkitPaths {
  std::string program;  // nbdkit
  std::string plugin;   // nbdkit-veneer-plugin.so
};

// The parameters of the plugin beside store, origin and readonly; a person has no use for them.
inline constexpr const char* kNbdAtKey = "at";
inline constexpr const char* kNbdRunKey = "run";
inline constexpr const char* kNbdReadyKey = "ready-fd";

// The descriptor of the socket in that process (sd_listen_fds(3)).
inline constexpr int kNbdSocket = 3;

// Becomes the server, which tells `ready` when the disk is attached, or why it is not. Returns only
// where it cannot, with the exit status, and `ready` was told why.
int BecomeNbdServer(const AttachRequest& request, UniqueFd ready, const NbdkitPaths& paths);

}  // namespace veneer
