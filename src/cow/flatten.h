// Flatten: origin + store = a plain image, in time proportional to what changed.
//
// The store is read directly; no device is needed. The output has the size of the disk, also where
// the origin is smaller: its rest is a hole. The base is cloned (FICLONE) where the file
// system can, else its data extents are copied; then each run of changed chunks likewise. Holes
// stay holes. The output is made as a nameless file and linked when it is complete and durable,
// so that it appears whole or not at all, whatever is killed.
//
// Memory: a few MiB plus one bit for each changed chunk, whatever the size of the image.
// Blocks for as long as it takes; one thread.
#pragma once

#include <string>

#include "base/result.h"
#include "cow/flatten_options.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

// `output`: a path; kConflict where it exists (without Replace::kExisting) or is an input.
// kCorrupt: an invalid store, one that breaks the format or belongs to another origin.
// The caller holds a shared lock on the store, so that nobody writes to it meanwhile.
Result<FlattenReport> Flatten(const LinuxFile& origin, const LinuxFile& store,
                              const std::string& output, const FlattenOptions& options);

}  // namespace veneer
