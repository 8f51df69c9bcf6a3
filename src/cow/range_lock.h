// RangeLock: threads that first write to the same chunk take turns; all others pass each other.
//
// The number of ranges held at once is that of the threads in a write, so a list is searched.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/units.h"

namespace veneer {

class RangeLock {
 public:
  // Holds chunks [first, first + count) until it is destroyed.
  class Guard {
   public:
    Guard(RangeLock& lock, OriginChunk first, Chunks count)
        : lock_(lock), range_{first, first + count} {
      lock_.Acquire(range_);
    }
    ~Guard() { lock_.Release(range_); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    friend class RangeLock;
    struct Range {
      OriginChunk begin;
      OriginChunk end;
      bool operator==(const Range&) const = default;
    };

    RangeLock& lock_;
    Range range_;
  };

 private:
  void Acquire(const Guard::Range& range) {
    std::unique_lock lock(mutex_);
    const auto is_free = [&] {
      return std::ranges::none_of(held_, [&](const Guard::Range& other) {
        return range.begin < other.end && other.begin < range.end;
      });
    };
    while (!is_free()) {
      ++waiting_;
      released_.wait(lock);
      --waiting_;
    }
    held_.push_back(range);
  }

  void Release(const Guard::Range& range) {
    bool wanted = false;
    {
      const std::lock_guard lock(mutex_);
      const auto place = std::ranges::find(held_, range);
      *place = held_.back();
      held_.pop_back();
      wanted = waiting_ > 0;
    }
    if (wanted) released_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<Guard::Range> held_;
  unsigned waiting_ = 0;
};

}  // namespace veneer
