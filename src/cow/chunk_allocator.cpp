#include "cow/chunk_allocator.h"

#include <algorithm>

namespace veneer {

ChunkAllocator::ChunkAllocator(const Geometry& geometry, Chunks capacity,
                               std::vector<StoreChunk> used)
    : geometry_(geometry), end_(capacity.value()) {
  std::ranges::sort(used);
  StoreChunk next = geometry.DataChunkFrom(StoreChunk(0));
  for (const StoreChunk chunk : used) {
    if (chunk > next) free_.push_back({next, chunk - next});
    next = geometry.DataChunkFrom(chunk + Chunks(1));
  }
  if (next < end_) free_.push_back({next, end_ - next});
  std::ranges::reverse(free_);
}

StoreRun ChunkAllocator::Take(Chunks most) {
  while (!free_.empty()) {
    StoreRun& gap = free_.back();
    const StoreChunk end = gap.first + gap.count;
    const StoreChunk first = geometry_.DataChunkFrom(gap.first);
    if (first >= end) {
      free_.pop_back();
      continue;
    }
    const Chunks count = std::min({most, end - first, geometry_.DataRunFrom(first)});
    gap = {first + count, end - (first + count)};
    if (gap.count == Chunks(0)) free_.pop_back();
    return {first, count};
  }
  return {};
}

void ChunkAllocator::Return(StoreRun run) {
  // The write that failed is likely to be tried again: join what it took from the front.
  if (!free_.empty() && run.first + run.count == free_.back().first) {
    free_.back() = {run.first, run.count + free_.back().count};
  } else {
    free_.push_back(run);
  }
}

void ChunkAllocator::Lengthen(Chunks more) {
  if (more == Chunks(0)) return;
  if (!free_.empty() && free_.front().first + free_.front().count == end_) {
    free_.front().count += more;
  } else {
    free_.insert(free_.begin(), {end_, more});
  }
  end_ += more;
}

}  // namespace veneer
