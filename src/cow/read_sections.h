// ReadSections: who replaces something that others may still be looking at can wait until they have
// stopped, and those who look never wait.
//
// Each thread counts itself in and out of one of several counters, so that threads on different
// CPUs rarely meet. There are two sets of counters in turns: whoever waits lets newcomers count in
// the other set, and so is not kept by them. For many threads at once.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

namespace veneer {

// One of `count` numbers, the same for the same thread, spread over threads.
inline std::size_t ThreadStripe(std::size_t count) {
  thread_local char here = 0;
  // Thread-local storage of two threads is pages apart. Fibonacci hashing (Knuth, TAOCP 6.4).
  const auto page = reinterpret_cast<std::uintptr_t>(&here) >> 12U;
  return static_cast<std::size_t>((page * 0x9e3779b97f4a7c15U) >> 40U) % count;
}

class ReadSections {
  static constexpr std::size_t kStripes = 32;
  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint32_t>, 2> inside{};
  };

 public:
  // Looking, until it is destroyed. What is loaded meanwhile (with the default memory order) stays.
  class Reader {
   public:
    explicit Reader(ReadSections& sections)
        : inside_(sections.stripes_.at(ThreadStripe(kStripes)).inside.at(sections.phase_ & 1U)) {
      inside_.fetch_add(1);
    }
    ~Reader() { inside_.fetch_sub(1, std::memory_order_release); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

   private:
    std::atomic<std::uint32_t>& inside_;
  };

  // Returns once every Reader is gone that could see what was replaced before the call.
  void Wait() {
    const std::lock_guard turn(turns_);
    // Twice: a reader that was slow to count itself in may be in either set.
    Drain(phase_.fetch_add(1) & 1U);
    Drain(phase_.fetch_add(1) & 1U);
  }

 private:
  void Drain(std::size_t set) const {
    for (const Stripe& stripe : stripes_) {
      while (stripe.inside.at(set).load() != 0) std::this_thread::yield();
    }
  }

  std::array<Stripe, kStripes> stripes_;
  std::atomic<std::uint32_t> phase_ = 0;
  std::mutex turns_;
};

}  // namespace veneer
