// The options of the commands about what runs in a sandbox's machine.
#pragma once

#include <CLI/App.hpp>
#include <array>

#include "app/commands.h"
#include "app/sandbox_commands.h"

namespace veneer {

// exec, run, logs, and the hidden one that keeps a machine.
void AddMachineCommands(const Commands& commands);

// Adds --memory, --cpus and --net, and yields them.
std::array<CLI::Option*, 3> AddMachineOptions(CLI::App& app, MachineArguments& arguments);

}  // namespace veneer
