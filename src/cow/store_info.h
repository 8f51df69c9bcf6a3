// What a store says about itself: `veneer cow info` and `veneer cow list`.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "cow/exception_run.h"
#include "cow/store_fill.h"
#include "format/header.h"
#include "kernel/file.h"

namespace veneer {

struct StoreInfo {
  StoreHeader header;
  std::uint64_t exceptions = 0;
  Bytes data;      // in exceptions
  Bytes metadata;  // header and areas in use
  Bytes file_size;
  Chunks capacity;  // whole chunks in the file
  Chunks used;      // up to the last one in use, as the kernel counts
};

// Its fill is that of the kernel, which reports an overflow at 1.
StoreFill FillOf(const StoreInfo& info);

// Reads header and areas; an invalid store too. kCorrupt where it breaks the format.
// `store` may be in use: what is seen is then what was flushed at some moment.
Result<StoreInfo> ReadStoreInfo(const File& store);

// All runs, by origin chunk. Takes 24 bytes of memory for each run.
Result<std::vector<ExceptionRun>> ReadRuns(const File& store);

}  // namespace veneer
