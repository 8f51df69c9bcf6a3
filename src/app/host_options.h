// The options of the commands about the host: gc, doctor.
#pragma once

#include <CLI/App.hpp>

#include "app/global_options.h"

namespace veneer {

void AddHostCommands(CLI::App& app, Command& command);

}  // namespace veneer
