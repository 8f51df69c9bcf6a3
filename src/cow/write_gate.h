// WriteGate: writers pass it many at a time, until somebody closes it and has the file for himself.
//
// A shared mutex alone would let a steady stream of writers keep that one out for ever: the closed
// gate stops those who come, and only those under way are waited for. For many threads at once.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

namespace veneer {

class WriteGate {
 public:
  // A writer under way, until it is destroyed. Waits while the gate is closed.
  class Pass {
   public:
    explicit Pass(WriteGate& gate) : lock_(gate.under_way_, std::defer_lock) {
      gate.closed_.wait(true, std::memory_order_acquire);
      lock_.lock();
    }

   private:
    std::shared_lock<std::shared_mutex> lock_;
  };

  // Closed, with nobody under way, until it is destroyed. Those who close it take turns.
  class Closed {
   public:
    explicit Closed(WriteGate& gate) : gate_(gate), turn_(gate.turns_) {
      gate_.closed_.store(true, std::memory_order_release);
      gate_.under_way_.lock();
    }
    ~Closed() {
      gate_.closed_.store(false, std::memory_order_release);
      gate_.under_way_.unlock();
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
  std::shared_mutex under_way_;
};

}  // namespace veneer
