// Orphans: files of the state directory that no record owns (`veneer gc`).
//
// Such are left where a command was killed between a record's end and its file's, or where files
// were put there by hand. Only names of ours are looked at: tp-…, sb-…; what somebody works on is
// left alone.
#pragma once

#include "backend/gc.h"
#include "base/result.h"
#include "base/units.h"
#include "sandbox/host.h"

namespace veneer {

struct OrphanReport {
  GcReport report;
  Bytes freed;  // what the removed files took (st_blocks × 512); with GcMode::kLook: would be freed
};

Result<OrphanReport> CollectOrphans(const Host& host, GcMode mode);

}  // namespace veneer
