// What a DiskHost is made of. Not installed: its users know none of the rooms below.
#pragma once

#include <functional>
#include <memory>

#include "backend/disk_backend.h"
#include "backend/gc.h"
#include "base/result.h"
#include "library/disk_host.h"

namespace veneer {

struct DiskHost::Parts {
  std::unique_ptr<DiskBackend> backend;
  // Ends what is stale of that backend's disks.
  std::function<Result<GcReport>(GcMode)> clean_up;
};

}  // namespace veneer
