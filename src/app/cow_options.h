// The options of `veneer cow …`.
#pragma once

#include <CLI/App.hpp>

#include "app/global_options.h"

namespace veneer {

// Adds the group to `app`. Parsing one of its commands sets `command`, which must outlive `app`.
void AddCowCommands(CLI::App& app, Command& command);

}  // namespace veneer
