// The options of `veneer cow …`.
#pragma once

#include <CLI/App.hpp>

#include "app/global_options.h"

namespace veneer {

// Adds the group to `app`. Parsing one of its commands sets `command`, which must outlive `app`.
void AddCowCommands(CLI::App& app, Command& command);

// Of these, the ones that attach disks, work on attached ones, and detach them.
void AddCowDiskCommands(CLI::App& group, Command& command);

}  // namespace veneer
