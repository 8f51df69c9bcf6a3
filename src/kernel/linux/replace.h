// What happens to a file that is there already where a new one is made (new_file.h).
#pragma once

#include <cstdint>

namespace veneer {

enum class Replace : std::uint8_t { kNever, kExisting };

}  // namespace veneer
