// Where commands are added: the program's own, or those of a group ("veneer cow").
#pragma once

#include <CLI/App.hpp>

#include "app/global_options.h"

namespace veneer {

struct Commands {
  CLI::App& app;
  Command& chosen;  // set by parsing
};

}  // namespace veneer
