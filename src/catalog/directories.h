// Directories of a state directory.
#pragma once

#include <string>

#include "base/result.h"

namespace veneer {

// Makes `path`, for its owner alone (0700), and what is missing above it, durably. kFailed where
// something else has the name.
Result<void> MakeDirectory(const std::string& path);

}  // namespace veneer
