// The options of `veneer demo`.
#pragma once

#include <CLI/App.hpp>

#include "app/global_options.h"

namespace veneer {

// Adds the command to `app`. Parsing it sets `command`, which must outlive `app`.
void AddDemoCommand(CLI::App& app, Command& command);

}  // namespace veneer
