// ChunkReserve: hands out store chunks together with the room that their exceptions will take in
// the list, so that whoever gets one can always commit it. For many threads at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cow/chunk_allocator.h"
#include "cow/exception_index.h"
#include "cow/store_file.h"
#include "cow/store_fill.h"

namespace veneer {

class ChunkReserve {
 public:
  // `used`: the store chunks of all exceptions in the list.
  ChunkReserve(StoreFile& store, std::vector<StoreChunk> used)
      : store_(store),
        exceptions_(used.size()),
        end_(EndOf(used)),
        allocator_(store.geometry(), Usable(store.capacity()), std::move(used)) {}

  // Between 1 and `most` chunks side by side. kNoSpace where the store or its file system is full.
  Result<StoreRun> Take(Chunks most) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t limit = store_.geometry().MaxExceptions(Usable(store_.capacity()));
    const Chunks room(limit - std::min(limit, exceptions_));
    const StoreRun run = allocator_.Take(std::min(most, room));
    if (run.count == Chunks(0)) return Fail(StoreIsFull(store_.geometry(), limit));
    if (auto prepared = store_.Prepare(exceptions_ + run.count.value()); !prepared) {
      allocator_.Return(run);
      return Fail(std::move(prepared).error());
    }
    exceptions_ += run.count.value();
    end_ = std::max(end_, run.first + run.count);
    return run;
  }

  // The list's room is to be reserved again, since the store's blocks are shared with a clone from
  // now on: at a moment when all that was taken is committed.
  void ReserveAgain() {
    const std::lock_guard lock(mutex_);
    store_.ForgetPrepared(exceptions_);
  }

  // Takes on the size that the store's file has now, where it has got longer.
  Result<void> UpdateCapacity() {
    const std::lock_guard lock(mutex_);
    const Chunks before = Usable(store_.capacity());
    VENEER_TRY(store_.UpdateCapacity());
    allocator_.Lengthen(Usable(store_.capacity()) - before);
    return {};
  }

  // With what is on its way to the list; for a disk of this size.
  [[nodiscard]] StoreFill Fill(Bytes disk_size) const {
    const std::lock_guard lock(mutex_);
    const Geometry& geometry = store_.geometry();
    const StoreChunk area = geometry.AreaChunk(geometry.AreasFor(exceptions_) - 1);
    const StoreChunk end = std::max(end_, area + Chunks(1));
    const Bytes chunk = geometry.chunk_size().bytes();
    return {.condition = ConditionOf(geometry, store_.capacity(), exceptions_, disk_size),
            .used = chunk * end.value(),
            .capacity = chunk * store_.capacity().value()};
  }

  // Gives back what was taken and not used.
  void Return(StoreRun run) {
    const std::lock_guard lock(mutex_);
    allocator_.Return(run);
    exceptions_ -= run.count.value();
  }

 private:
  // What lies beyond is more than the index can point at.
  static Chunks Usable(Chunks capacity) {
    return std::min(capacity, Chunks(ExceptionIndex::kStoreEnd.value()));
  }
  static StoreChunk EndOf(const std::vector<StoreChunk>& used) {
    const auto last = std::ranges::max_element(used);
    return last == used.end() ? StoreChunk(0) : *last + Chunks(1);
  }

  StoreFile& store_;
  mutable std::mutex mutex_;
  std::uint64_t exceptions_;  // in the list or on their way to it
  StoreChunk end_;            // of what was ever in use
  ChunkAllocator allocator_;
};

}  // namespace veneer
