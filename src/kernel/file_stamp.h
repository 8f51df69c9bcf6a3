// FileStamp: what a file looked like when its contents were known. Cheap to compare, and no proof:
// contents that matter have a digest too.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace veneer {

// What tells that a file is still the one that was recorded, without reading it.
struct FileStamp {
  Bytes size{};
  std::int64_t modified_ns = 0;  // since the epoch
  std::uint64_t inode = 0;

  bool operator==(const FileStamp&) const = default;
};

}  // namespace veneer
