// Files that are part of the program: cmake/VeneerEmbed.cmake puts them in.
#pragma once

#include <string_view>

namespace veneer::api {

// The contents of the file of that name; empty where there is none.
std::string_view EmbeddedFile(std::string_view name);

}  // namespace veneer::api
