// Removing a file whose return would do harm.
#pragma once

#include <string>

#include "base/result.h"

namespace veneer {

// Afterwards not even a cut brings it back, also where it was removed before. Blocks as a sync of
// its directory does.
Result<void> RemoveDurably(const std::string& path);

}  // namespace veneer
