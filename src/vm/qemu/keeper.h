// The keeper: the process that a virtual machine's QEMU is a child of.
//
// It makes the sockets, so that nobody has to wait for them; keeps the console's log bounded; and
// writes down how QEMU ended. It belongs to nobody (SpawnDetached) and ends with its QEMU.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace veneer {

// What `veneer vm keep DIRECTORY --ready-fd N` does: starts what DIRECTORY/machine.json says. Says
// "ready" on the pipe once it runs, or else what is wrong, in a line. Returns the exit status.
int KeepVm(const std::string& directory, UniqueFd ready);

}  // namespace veneer
