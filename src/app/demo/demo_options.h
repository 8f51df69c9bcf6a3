// The options of `veneer demo`.
#pragma once

#include "app/commands.h"

namespace veneer {

void AddDemoCommand(const Commands& commands);

}  // namespace veneer
