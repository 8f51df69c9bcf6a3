// Turn: a lock that the threads of a process wait for a bounded time, for std::unique_lock.
//
// Not a std::timed_mutex: ThreadSanitizer does not know the call by which that one waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace veneer::dm {

class Turn {
 public:
  // False where another has had it all the time.
  // NOLINTNEXTLINE(readability-identifier-naming): as the standard's locks
  bool try_lock_for(std::chrono::milliseconds patience) {
    std::unique_lock guard(mutex_);
    if (!freed_.wait_for(guard, patience, [this] { return !taken_; })) return false;
    taken_ = true;
    return true;
  }

  // NOLINTNEXTLINE(readability-identifier-naming)
  void unlock() {
    {
      const std::scoped_lock guard(mutex_);
      taken_ = false;
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  bool taken_ = false;
};

}  // namespace veneer::dm
