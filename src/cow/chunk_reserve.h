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
#include "cow/store_file.h"

namespace veneer {

class ChunkReserve {
 public:
  // `used`: the store chunks of all exceptions in the list.
  ChunkReserve(StoreFile& store, std::vector<StoreChunk> used)
      : store_(store),
        exceptions_(used.size()),
        allocator_(store.geometry(), store.capacity(), std::move(used)) {}

  // Between 1 and `most` chunks side by side. kNoSpace where the store or its file system is full.
  Result<StoreRun> Take(Chunks most) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t limit = store_.geometry().MaxExceptions(store_.capacity());
    const Chunks room(limit - std::min(limit, exceptions_));
    const StoreRun run = allocator_.Take(std::min(most, room));
    // Without a free chunk: one more than fit, which is the error of a full store.
    const std::uint64_t wanted =
        run.count == Chunks(0) ? limit + 1 : exceptions_ + run.count.value();
    if (auto prepared = store_.Prepare(wanted); !prepared) {
      if (run.count != Chunks(0)) allocator_.Return(run);
      return Fail(std::move(prepared).error());
    }
    exceptions_ += run.count.value();
    return run;
  }

  // Gives back what was taken and not used.
  void Return(StoreRun run) {
    const std::lock_guard lock(mutex_);
    allocator_.Return(run);
    exceptions_ -= run.count.value();
  }

 private:
  StoreFile& store_;
  std::mutex mutex_;
  std::uint64_t exceptions_;  // in the list or on their way to it
  ChunkAllocator allocator_;
};

}  // namespace veneer
