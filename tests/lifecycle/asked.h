// Whom the tests of sandboxes ask: the command line, or a daemon. Each test program links one
// answer; directly.cpp where it has none of its own, or over_api.cpp.
#pragma once

#include <memory>
#include <string>

namespace veneer::lifecycle {

// A program that takes the command line's arguments, and answers as it does.
std::string AskedProgram();

// What it takes to ask it, as long as the value lives. Files to import lie in `home`.
std::shared_ptr<void> BeginAsking(const std::string& root, const std::string& run,
                                  const std::string& home);

}  // namespace veneer::lifecycle
