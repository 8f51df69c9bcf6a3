// SHA-256 of a text, in hex.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace veneer::api {

Result<std::string> Sha256Hex(std::string_view text);

}  // namespace veneer::api
