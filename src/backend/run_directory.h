// Directories below the run directory: what runs now, gone with a reboot.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// Makes `path` and the run directory that it is in, for their owner alone (0700), where they are
// missing. kFailed where another user could write to `path`.
Result<void> PrepareRunDirectory(const std::string& path);

// Keeps every other process that asks for it out as long as the descriptor is open. Waits up to a
// minute; it is held for milliseconds. kNotFound where there is no such directory.
Result<UniqueFd> LockRunDirectory(const std::string& path);

}  // namespace veneer
