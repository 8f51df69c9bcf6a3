// Reads the exceptions of a store, area by area, as the kernel does when it loads one.
//
// Memory: one piece of an area, whatever the size of the store.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "format/exception.h"
#include "format/geometry.h"
#include "format/header.h"
#include "kernel/file.h"

namespace veneer {

// Reads and decodes chunk 0. kCorrupt: no store, or a file that does not even hold header and
// first area.
Result<StoreHeader> ReadHeader(const File& store);

// Called with the number of the exception in the list, counted from 0.
using ExceptionVisitor = std::function<Result<void>(std::uint64_t, const Exception&)>;

// Visits every exception in the order of the list, and returns how many there are. The visitor's
// error ends the reading. Entries are passed on as they are: nothing but the end of the list is
// judged. kCorrupt where the list runs over the end of the file.
Result<std::uint64_t> ForEachException(const File& store, const Geometry& geometry,
                                       const ExceptionVisitor& visit);

}  // namespace veneer
