// The options of the commands about templates and sandboxes.
#pragma once

#include "app/commands.h"

namespace veneer {

void AddTemplateCommands(const Commands& commands);
void AddSandboxCommands(const Commands& commands);

}  // namespace veneer
