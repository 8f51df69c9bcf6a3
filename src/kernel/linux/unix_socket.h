// Unix sockets at paths of any length: an address holds 107 bytes, and names the socket through a
// descriptor of its directory instead.
//
// Any thread. Connecting waits only where a crowd (16) is waiting already, and not for ever.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// A stream socket that listens at `path`, for its owner alone (0600); what was there before is
// replaced.
Result<UniqueFd> ListenAtUnix(const std::string& path);

// The same for a socket that was made before, at a path where nothing is: kConflict where something
// is.
Result<void> ListenAtUnix(int socket, const std::string& path);

// A stream socket that is not bound yet.
Result<UniqueFd> NewUnixSocket();

// kNotFound where nobody listens; kFailed with ETIMEDOUT where the crowd does not get less.
constexpr std::chrono::seconds kCrowdPatience{60};
Result<UniqueFd> ConnectToUnix(const std::string& path,
                               std::chrono::milliseconds patience = kCrowdPatience);

}  // namespace veneer
