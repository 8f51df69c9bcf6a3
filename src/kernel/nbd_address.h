// The address of a disk that is served by NBD, as NBD's clients take it: "nbd+unix:///?socket=PATH"
// with the path escaped as in any URI. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace veneer {

// A socket's path has at most so many bytes (sun_path, with its NUL).
inline constexpr std::size_t kLongestSocketPath = 107;

std::string NbdUri(std::string_view socket);

// The path in a URI as NbdUri makes it; nothing for any other text, or a path that no socket has.
std::optional<std::string> SocketInUri(std::string_view uri);

// kUsage where no socket can have that path.
Result<void> RequireSocketPath(const std::string& path);

}  // namespace veneer
