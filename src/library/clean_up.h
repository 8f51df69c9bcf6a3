// CleanUpStale: what a crash left, in the kernel and under the run directory, is brought in order.
#pragma once

#include "backend/gc.h"
#include "base/result.h"
#include "library/disk_host.h"

namespace veneer {

// Snapshots that live are adopted: left as they are. What a killed program had begun is ended, and
// what nobody owns is removed, unless somebody has it open. Only what is this host's, by the id in
// its state directory, is looked at; what another process works on right now is left alone. Stores
// are never removed. With GcMode::kLook nothing changes, and the report says what would be.
// Blocks as long as the removals take, each up to the host's patience; any thread.
Result<GcReport> CleanUpStale(DiskHost& host, GcMode mode);

}  // namespace veneer
