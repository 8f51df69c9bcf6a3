// What to do about an error, for people.
#pragma once

#include <string_view>

#include "base/error.h"

namespace veneer {

// Its hint, or what helps with most errors of its kind.
std::string_view HintOf(const Error& error);

}  // namespace veneer
