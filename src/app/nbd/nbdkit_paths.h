// Where nbdkit and its plugin for our disks are on this host.
#pragma once

#include "backend/user/nbd_start.h"
#include "base/result.h"

namespace veneer {

// The plugin beside this program, where a build leaves it, or where it was installed. kUnsupported
// where one of the two is missing: the hint says what to install.
Result<NbdkitPaths> FindNbdkit();

}  // namespace veneer
