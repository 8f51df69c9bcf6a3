// Small files of /proc and /sys.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// All of a file, whatever size it says it has. Blocks as the file does.
Result<std::string> ReadText(const std::string& path);

// From where the descriptor is; `path` is for the error.
Result<std::string> ReadText(const UniqueFd& fd, const std::string& path);

// The same without the line break at its end; empty where the file cannot be read.
std::string ReadLineOr(const std::string& path, const std::string& otherwise);

// Tells one boot of the host from the next (random(4): boot_id); empty where the kernel does not.
std::string HostBootId();

}  // namespace veneer
