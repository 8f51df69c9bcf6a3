// The options of `veneer cow …`.
#pragma once

#include "app/commands.h"

namespace veneer {

void AddCowCommands(const Commands& commands);

// Of these, the ones that attach disks, work on attached ones, and detach them.
void AddCowDiskCommands(const Commands& commands);

}  // namespace veneer
