// Snapshot: a template made from a sandbox, running or paused.
//
// A running one is held still only while its store is cloned; then it goes on, and the clone is
// flattened over its template's image. Blocks as long as that, and hashing the result's data, take.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"
#include "sandbox/host.h"
#include "sandbox/templates.h"

namespace veneer {

struct Snapshot {
  TemplateRecord record;
  // How long the sandbox's users had to wait; 0 for a paused one.
  std::chrono::duration<double, std::milli> held{};
  std::vector<StepTiming> timings;
  std::vector<std::string> warnings{};  // what the sandbox goes on without
};

// `name`: of the new template; `id`: its id (NewId), or empty, and it gets one here. kConflict: the
// name is taken; kNoSpace: the image might use up the reserve. On failure nothing is left, and the
// sandbox is as it was.
Result<Snapshot> TakeSnapshot(const Host& host, const std::string& sandbox, const std::string& name,
                              const Progress& progress = {}, const std::string& id = {});

}  // namespace veneer
