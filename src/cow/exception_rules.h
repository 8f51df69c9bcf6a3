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

  // `capacity`: whole chunks in the store file. `origin_size`: of the disk, where it is known.
  ExceptionRules(const Geometry& geometry, Chunks capacity, std::optional<Bytes> origin_size)
      : geometry_(geometry), capacity_(capacity), origin_chunks_(OriginChunks(origin_size)) {}

  // Reports every rule that the exception with this number breaks; remembers it for the next.
  // Returns how many.
  unsigned Judge(std::uint64_t index, const Exception& exception, const FaultSink& report);

  // The same for those who stop at the first: kCorrupt with the fault's message.
  Result<void> Require(std::uint64_t index, const Exception& exception);

 private:
  [[nodiscard]] Chunks OriginChunks(std::optional<Bytes> origin_size) const;

  Geometry geometry_;
  Chunks capacity_;
  Chunks origin_chunks_;
  ChunkSet origins_;
  ChunkSet stores_;
};

// kCorrupt unless the disk's size is the one that the header records (where it records one).
Result<void> RequireOriginSize(const StoreHeader& header, Bytes origin_size);

// kCorrupt where the kernel invalidated the store.
Result<void> RequireValid(const StoreHeader& header);

}  // namespace veneer
