// NbdClients: who has the disk open through NBD, and the door that a detach closes.
//
// For many threads at once. Nothing blocks.
#pragma once

#include <sys/types.h>

#include <algorithm>
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

  // Closes the door for good if nobody is inside; whether it is closed.
  bool CloseIfEmpty() {
    const std::lock_guard lock(mutex_);
    closed_ = closed_ || processes_.empty();
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
  bool closed_ = false;
};

}  // namespace veneer
