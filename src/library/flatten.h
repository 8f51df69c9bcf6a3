// Flatten: a store and its template, merged into a plain image, without a device and without root.
#pragma once

#include <string>

#include "base/result.h"
#include "cow/flatten_options.h"

namespace veneer {

struct FlattenPaths {
  std::string origin;
  std::string store;
  std::string output;
};

// In time that follows what changed: blocks of the template are shared where the file system can.
// The output appears whole and durable, or not at all. Blocks meanwhile; any thread.
// kConflict: the output exists (without Replace::kExisting) or is an input, or the store is
// attached for writing; kCorrupt: an invalid store, one that breaks the format or belongs to an
// image of another size; kNoSpace.
Result<FlattenReport> Flatten(const FlattenPaths& paths, const FlattenOptions& options = {});

}  // namespace veneer
