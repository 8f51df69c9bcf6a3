// What the use cases work on: one state directory on one host.
#pragma once

#include <functional>
#include <string>

#include "backend/gc.h"
#include "base/log.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "images/space.h"
#include "sandbox/backend_set.h"
#include "sandbox/layout.h"
#include "vm/vmm.h"

namespace veneer {

struct Host {
  Catalog& catalog;
  BackendSet& backends;
  Vmm& vmm;
  const Layout& layout;
  Log& log;
  SpaceReserve reserve;
  std::function<Timestamp()> now;
  std::function<std::string()> boot_id;  // of the host (HostBootId)
  // Ends what killed commands left of disks in the kernel and in the run directory, on all
  // backends.
  std::function<Result<GcReport>(GcMode)> collect;
};

}  // namespace veneer
