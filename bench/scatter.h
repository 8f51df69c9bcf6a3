// Scattered writes: a change in many runs, as a sandbox makes it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace veneer::bench {

struct Scatter {
  std::uint64_t runs;
  std::uint64_t bytes;  // of all runs
  std::uint64_t seed;   // decides the places and the data
};

// Writes to a disk, through the engine.
Result<void> ScatterOverStore(const std::string& store, const std::string& origin,
                              const Scatter& scatter);

// Writes to a file or a block device.
Result<void> ScatterOverFile(const std::string& path, const Scatter& scatter);

}  // namespace veneer::bench
