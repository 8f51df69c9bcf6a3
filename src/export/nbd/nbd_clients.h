// NbdClients: who has the disk open through NBD, and the door that a detach closes.
//
// For many threads at once. Nothing blocks.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/result.h"

namespace veneer {

class NbdClients {
 public:
  // A client has come; `process` is 0 where it is not known (one on another host). kConflict once
  // the door is closed.
  Result<void> Enter(pid_t process) {
    const std::lock_guard lock(mutex_);
    if (closed_) return Fail(ErrorKind::kConflict, "the disk is being detached");
    processes_.push_back(process);
    return {};
  }

  void Leave(pid_t process) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(processes_, process);
    if (found != processes_.end()) processes_.erase(found);
  }

  // A request is about to be served: the door does not close before EndRequest. False once it is
  // closed. Who has hung up may have left requests behind (hang_up.h): they count by themselves.
  [[nodiscard]] bool BeginRequest() {
    ++requests_;
    if (!closed_) return true;
    --requests_;
    return false;
  }
  void EndRequest() { --requests_; }

  // Closes the door for good if nobody is inside and nothing is being served; whether it is closed.
  bool CloseIfEmpty() {
    const std::lock_guard lock(mutex_);
    if (closed_ || !processes_.empty()) return closed_;
    // In this order: a request that begins meanwhile sees the one, or is seen in the other.
    closed_ = true;
    closed_ = requests_ == 0;
    return closed_;
  }

  // One entry a connection.
  [[nodiscard]] std::vector<pid_t> Inside() const {
    const std::lock_guard lock(mutex_);
    return processes_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<pid_t> processes_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace veneer
