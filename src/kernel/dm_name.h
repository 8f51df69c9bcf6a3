// What device-mapper takes as the name and the UUID of a device. Pure.
#pragma once

#include <string>

#include "base/result.h"

namespace veneer {

// 1 … 127 bytes that can name a file in /dev/mapper, where "control" is taken. kUsage otherwise.
Result<void> CheckDmName(const std::string& name);

// At most 128 bytes; an empty one means none. kUsage otherwise.
Result<void> CheckDmUuid(const std::string& uuid);

}  // namespace veneer
