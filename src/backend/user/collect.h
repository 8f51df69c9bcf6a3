// Finds what servers of disks left behind that were killed: `veneer gc` for the user backend.
#pragma once

#include <string>

#include "backend/gc.h"
#include "backend/user/host_ports.h"
#include "base/result.h"

namespace veneer {

// Looks at every disk that has files under the run directory. One whose server lives is adopted;
// of one whose server is dead the loop devices, the mount and the files are removed, unless
// somebody has them open. Blocks as the file systems do. Not for use in a process that serves a
// disk.
Result<GcReport> CollectDeadDisks(const std::string& run_dir, const HostPorts& ports, GcMode mode);

}  // namespace veneer
