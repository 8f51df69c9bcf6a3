// Ids and names of templates and sandboxes.
//
//   id      "sb-" or "tp-" + 8 hex digits, random
//   name    [a-z0-9][a-z0-9._-]{0,62}, and nothing that could be an id
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace veneer {

inline constexpr std::string_view kSandboxPrefix = "sb-";
inline constexpr std::string_view kTemplatePrefix = "tp-";

// A new one, from the kernel's random numbers. It is not looked up: the catalog refuses an id that
// is there already. Any thread.
Result<std::string> NewId(std::string_view prefix);

// Whether it is an id with that prefix, of an object or of none.
bool IsId(std::string_view text, std::string_view prefix);

// kUsage, with what a name may be.
Result<void> RequireName(std::string_view name);

// Whether all of it are hex digits as ids have them; an empty text has none that are not.
bool IsHex(std::string_view text);

}  // namespace veneer
