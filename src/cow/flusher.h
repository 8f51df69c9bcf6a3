// Flusher: makes what was written durable; threads that flush at the same time share the work.
//
// For many threads at once. Flush blocks on the file.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "cow/chunk_allocator.h"
#include "cow/store_file.h"

namespace veneer {

class Flusher {
 public:
  explicit Flusher(StoreFile& store) : store_(store) {}

  // Remembers that these chunks are remapped; their data has been written.
  void Add(OriginChunk first, StoreRun run);

  // Remembers that data in the store has changed. Mostly it has already: then nothing is written,
  // so that threads on different CPUs do not take the line from each other.
  void MarkDirty() {
    // A round that begins after this look syncs the data that came before it.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!dirty_.load(std::memory_order_relaxed)) dirty_.store(true, std::memory_order_release);
  }

  // Everything that was added or marked before the call is durable when it returns. Costs nothing
  // where there is nothing.
  Result<void> Flush();

 private:
  Result<void> Run();

  StoreFile& store_;
  // At first too: what a server wrote before it was killed may still be in the host's cache, and
  // readers see it.
  std::atomic<bool> dirty_ = true;

  std::mutex added_mutex_;
  std::vector<Exception> added_;  // in the order in which they will be committed

  // A call is served by the first round that starts after it came.
  std::mutex round_mutex_;
  std::condition_variable round_ended_;
  bool running_ = false;
  std::uint64_t started_ = 0;
  std::uint64_t ended_ = 0;
  Result<void> last_result_;
};

}  // namespace veneer
