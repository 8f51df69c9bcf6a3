// ChunkAllocator: which store chunks are free.
//
// Free is what no exception points at and what is not metadata: the gaps that aborted writes and
// crashes have left, then everything behind the last chunk in use. Not for several threads at once.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.h"
#include "format/geometry.h"

namespace veneer {

// Store chunks side by side.
struct StoreRun {
  StoreChunk first;
  Chunks count;
};

class ChunkAllocator {
 public:
  // `used`: every store chunk that an exception points at, in any order, each once.
  ChunkAllocator(const Geometry& geometry, Chunks capacity, std::vector<StoreChunk> used);

  // Up to `most` free chunks side by side; count is 0 where none is left.
  StoreRun Take(Chunks most);

  // Gives back what Take returned.
  void Return(StoreRun run);

  // The store has got longer: so many chunks behind those it had are free.
  void Lengthen(Chunks more);

 private:
  Geometry geometry_;
  StoreChunk end_;  // of the store
  // Disjoint, none empty; metadata chunks inside are skipped when they are taken. Taken from the
  // back, so the last one is the lowest gap; the space behind the last chunk used comes first.
  std::vector<StoreRun> free_;
};

}  // namespace veneer
