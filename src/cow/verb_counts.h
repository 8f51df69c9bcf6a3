// VerbCounts: how often each verb of a disk was done, and what it moved.
//
// Threads count on lines of their own, as far as there are enough, and whoever asks sums them up.
// For many threads at once.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "base/units.h"
#include "cow/cow_disk.h"
#include "cow/read_sections.h"

namespace veneer {

class VerbCounts {
  using Number = std::atomic<std::uint64_t>;
  static constexpr std::size_t kStripes = 16;
  struct alignas(64) Stripe {
    Number reads = 0;
    Number writes = 0;
    Number flushes = 0;
    Number errors = 0;
    Number bytes_read = 0;
    Number bytes_written = 0;
  };

 public:
  void Read(Bytes length, const Result<void>& result) {
    Stripe& mine = Mine();
    Increase(mine.reads, 1);
    result ? Increase(mine.bytes_read, length.value()) : Increase(mine.errors, 1);
  }
  // What only takes data away moves nothing.
  void Write(Bytes length, const Result<void>& result) {
    Stripe& mine = Mine();
    Increase(mine.writes, 1);
    result ? Increase(mine.bytes_written, length.value()) : Increase(mine.errors, 1);
  }
  void Flush(const Result<void>& result) {
    Stripe& mine = Mine();
    Increase(mine.flushes, 1);
    if (!result) Increase(mine.errors, 1);
  }

  [[nodiscard]] DiskCounters Sum() const {
    DiskCounters sum;
    for (const Stripe& stripe : stripes_) {
      sum.reads += stripe.reads;
      sum.writes += stripe.writes;
      sum.flushes += stripe.flushes;
      sum.errors += stripe.errors;
      sum.bytes_read += Bytes(stripe.bytes_read);
      sum.bytes_written += Bytes(stripe.bytes_written);
    }
    return sum;
  }

 private:
  Stripe& Mine() { return stripes_.at(ThreadStripe(kStripes)); }
  static void Increase(Number& number, std::uint64_t by) {
    number.fetch_add(by, std::memory_order_relaxed);
  }

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace veneer
