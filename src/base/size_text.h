// Sizes as people write them: "4K", "2G", "512".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// Reads a positive size: digits, then nothing or one of K M G T P (binary units; "B", "iB" may
// follow; case does not matter). kUsage where it is anything else, zero, or over 2^63 - 1 bytes.
Result<Bytes> ParseSize(std::string_view text);

// "4.0 KiB", "227 MiB", "12 B": three digits, for people.
std::string FormatSize(Bytes size);

}  // namespace veneer
