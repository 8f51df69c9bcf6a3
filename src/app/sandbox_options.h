// The options of the commands about templates and sandboxes.
#pragma once

#include <CLI/CLI.hpp>

#include "app/global_options.h"

namespace veneer {

void AddTemplateCommands(CLI::App& app, Command& command);
void AddSandboxCommands(CLI::App& app, Command& command);

}  // namespace veneer
