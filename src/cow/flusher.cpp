#include "cow/flusher.h"

#include <utility>

namespace veneer {

void Flusher::Add(OriginChunk first, StoreRun run) {
  {
    const std::lock_guard lock(added_mutex_);
    for (std::uint64_t i = 0; i < run.count.value(); ++i) {
      added_.push_back({first + Chunks(i), run.first + Chunks(i)});
    }
  }
  MarkDirty();
}

Result<void> Flusher::Flush() {
  std::unique_lock lock(round_mutex_);
  const std::uint64_t mine = started_ + 1;
  while (ended_ < mine) {
    if (running_) {
      round_ended_.wait(lock);
      continue;
    }
    running_ = true;
    ++started_;
    lock.unlock();
    Result<void> result = Run();
    lock.lock();
    running_ = false;
    ended_ = started_;
    last_result_ = std::move(result);
    round_ended_.notify_all();
  }
  return last_result_;
}

Result<void> Flusher::Run() {
  // Whoever marks from here on is served by a later round.
  if (!dirty_.exchange(false)) return {};
  std::vector<Exception> batch;
  {
    const std::lock_guard lock(added_mutex_);
    batch.swap(added_);
  }
  Result<void> result = batch.empty() ? store_.Sync() : store_.Commit(batch);
  if (!result) {
    const std::lock_guard lock(added_mutex_);
    batch.insert(batch.end(), added_.begin(), added_.end());
    added_ = std::move(batch);
    MarkDirty();
  }
  return result;
}

}  // namespace veneer
