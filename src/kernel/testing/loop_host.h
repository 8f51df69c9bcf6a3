// For tests that need real loop devices.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.h"
#include "kernel/linux/linux_file.h"
#include "kernel/loop_control.h"

namespace veneer::testing {

inline bool HostHasLoops() {
  return ::geteuid() == 0 && UniqueFd(::open("/dev/loop-control", O_RDWR | O_CLOEXEC)).valid();
}

// Frees every loop device on the file, as a test must however it ends.
inline void FreeLoopsOn(LoopControl& loops, const FileIdentity& file, const std::string& path) {
  const auto found = loops.Find(file, path);
  if (!found) return;
  for (const LoopDevice& device : *found)
    loops.Detach(device, OnWriteError::kGoOn).Ignore("cleaning up");
}

}  // namespace veneer::testing
