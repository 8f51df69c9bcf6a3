// The rules that every exception of a sound store keeps, in one place for those who load a store,
// flatten it or check it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "base/units.h"
#include "cow/check.h"
#include "cow/chunk_set.h"
#include "format/exception.h"
#include "format/geometry.h"
#include "format/header.h"

namespace veneer {

class ExceptionRules {
 public:
  using FaultSink = std::function<void(const Fault&)>;

  // `capacity`: whole chunks in the store file. `disk_size`: where it is known.
  ExceptionRules(const Geometry& geometry, Chunks capacity, std::optional<Bytes> disk_size)
      : geometry_(geometry), capacity_(capacity), disk_chunks_(DiskChunks(disk_size)) {}

  // Reports every rule that the exception with this number breaks; remembers it for the next.
  // Returns how many.
  unsigned Judge(std::uint64_t index, const Exception& exception, const FaultSink& report);

  // The same for those who stop at the first: kCorrupt with the fault's message.
  Result<void> Require(std::uint64_t index, const Exception& exception);

 private:
  [[nodiscard]] Chunks DiskChunks(std::optional<Bytes> disk_size) const;

  Geometry geometry_;
  Chunks capacity_;
  Chunks disk_chunks_;
  ChunkSet origins_;
  ChunkSet stores_;
};

// kCorrupt where the kernel invalidated the store.
Result<void> RequireValid(const StoreHeader& header);

}  // namespace veneer
