// WriteGate: writers pass it many at a time, until somebody closes it and has the file for himself.
//
// A passing writer counts itself in and out, on a counter that it shares with few others, and takes
// no lock. The closed gate stops those who come; only those under way are waited for. For many
// threads at once.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "cow/read_sections.h"

namespace veneer {

class WriteGate {
  static constexpr std::size_t kStripes = 16;
  struct alignas(64) Stripe {
    std::atomic<std::uint32_t> under_way = 0;
  };

 public:
  // A writer under way, until it is destroyed. Waits while the gate is closed.
  class Pass {
   public:
    explicit Pass(WriteGate& gate)
        : gate_(gate), under_way_(gate.stripes_.at(ThreadStripe(kStripes)).under_way) {
      under_way_.fetch_add(1);
      // Whoever closes it sees the count, or this sees that it is closed.
      while (gate_.closed_.load()) {
        Leave();
        gate_.closed_.wait(true);
        under_way_.fetch_add(1);
      }
    }
    ~Pass() { Leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    void Leave() {
      under_way_.fetch_sub(1);
      if (gate_.closed_.load()) under_way_.notify_all();
    }

    WriteGate& gate_;
    std::atomic<std::uint32_t>& under_way_;
  };

  // Closed, with nobody under way, until it is destroyed. Those who close it take turns.
  class Closed {
   public:
    explicit Closed(WriteGate& gate) : gate_(gate), turn_(gate.turns_) {
      gate_.closed_.store(true);
      for (const Stripe& stripe : gate_.stripes_) {
        for (std::uint32_t left = stripe.under_way.load(); left != 0;
             left = stripe.under_way.load()) {
          stripe.under_way.wait(left);
        }
      }
    }
    ~Closed() {
      gate_.closed_.store(false);
      gate_.closed_.notify_all();
    }
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;

   private:
    WriteGate& gate_;
    std::lock_guard<std::mutex> turn_;
  };

 private:
  std::mutex turns_;
  std::atomic<bool> closed_ = false;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace veneer
