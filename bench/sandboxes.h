// What the benchmark of sandboxes needs of the library: a state directory full of paused
// sandboxes, and the catalog by itself.
#pragma once

#include <string>

#include "base/result.h"

namespace veneer::bench {

// Adds paused sandboxes to the state directory ROOT, which has a template, until `count` are
// there. Each has a store of its own, a clone of the file `store`.
Result<void> KeepPaused(const std::string& root, std::size_t count, const std::string& store);

// What a create asks of the catalog of the state directory, `count` times: opened, a sandbox
// added, the same updated, closed. Appends "open add update close" in milliseconds to `times`, a
// line for each. The sandboxes are gone afterwards.
Result<void> TimeCatalog(const std::string& root, std::size_t count, const std::string& times);

}  // namespace veneer::bench
