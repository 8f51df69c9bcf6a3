// The options of the commands about the host: gc, doctor.
#pragma once

#include "app/commands.h"

namespace veneer {

void AddHostCommands(const Commands& commands);

}  // namespace veneer
