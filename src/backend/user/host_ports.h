// What the user backend needs of the host's kernel.
#pragma once

#include "kernel/holders.h"
#include "kernel/loop_control.h"
#include "kernel/mounts.h"

namespace veneer {

struct HostPorts {
  Mounts& mounts;
  LoopControl& loops;
  const Holders& holders;
};

}  // namespace veneer
