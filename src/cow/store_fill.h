// How full a store is, and whether it still takes writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/units.h"
#include "format/geometry.h"

namespace veneer {

enum class StoreCondition : std::uint8_t {
  kGood,
  kOverflow,  // full: writes to unchanged chunks fail until the store has grown
  kInvalid,   // the kernel gave it up: every read and write fails
};

// "good", "overflow", "invalid"; as in JSON.
std::string_view ConditionName(StoreCondition condition);

struct StoreFill {
  StoreCondition condition = StoreCondition::kGood;
  Bytes used{};      // data and metadata, up to the last chunk in use
  Bytes capacity{};  // of the store as it is, in whole chunks

  [[nodiscard]] double fill() const;  // 0 … 1
};

// kOverflow where a store of `capacity` holds as many exceptions as it may, and the disk has chunks
// without one. `disk_size`: where it is known; a store of a disk of unknown size is never whole.
StoreCondition ConditionOf(const Geometry& geometry, Chunks capacity, std::uint64_t exceptions,
                           std::optional<Bytes> disk_size);

}  // namespace veneer
