// The instance: which state directory things in the kernel belong to.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace veneer {

// The id of the state directory `root`, 16 hex digits, which it keeps for ever in ROOT/instance.
// Made where it is missing, with the directory. kCorrupt where that file holds something else.
// Blocks on the file system; safe in several processes at once.
Result<std::string> InstanceOf(const std::string& root);

// The same where there is one; makes nothing.
Result<std::optional<std::string>> FindInstance(const std::string& root);

}  // namespace veneer
