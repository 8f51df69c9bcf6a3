// The control socket of a disk's server: one line of text each way, then it is closed.
//
// Only root and the server's own user are answered. Socket paths may be longer than the 107 bytes
// that an address holds. Lines have at most 64 KiB. Every wait has a deadline.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

struct Connection {
  UniqueFd fd;
  pid_t peer_pid = 0;
  uid_t peer_uid = 0;
};

// Binds and listens; what was at `path` before is replaced.
Result<UniqueFd> ListenAt(const std::string& path);

// kNotFound where nobody listens; kFailed where the listener is neither root nor this user.
Result<Connection> ConnectTo(const std::string& path);

// The next connection of a peer that may give orders; others are turned away as kFailed.
Result<Connection> AcceptFrom(const UniqueFd& listener);

Result<void> SendLine(const UniqueFd& fd, std::string line, std::chrono::milliseconds patience);

// Without its line break. Works on pipes too. kFailed where the other end closes before it.
Result<std::string> ReceiveLine(const UniqueFd& fd, std::chrono::milliseconds patience);

}  // namespace veneer
