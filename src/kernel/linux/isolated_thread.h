// IsolatedThread: a thread with file descriptors of its own, to touch what this very process
// serves.
//
// A process that serves a FUSE file and waits for it in one of its threads cannot be killed: the
// waiting thread keeps the server's end of the connection open, and the connection would have to
// close for the thread to wake. A thread that does not share the descriptors keeps nothing open:
// the others die, the connection breaks, the wait ends.
//
// Descriptors do not cross: what a task opens it must close, and it cannot use the program's.
// Standard output and error work. Any thread may call Run; tasks run one after the other.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/result.h"

namespace veneer {

class IsolatedThread {
 public:
  // To be started before the descriptors are opened that it must not have (they would be closed
  // in it, but a moment later).
  static Result<std::unique_ptr<IsolatedThread>> Start();

  IsolatedThread(const IsolatedThread&) = delete;
  IsolatedThread& operator=(const IsolatedThread&) = delete;
  ~IsolatedThread();

  // Runs `act` there and waits for what it returns. Not to be called from within a task.
  template <class Act>
  auto Run(Act act) -> decltype(act()) {
    const std::lock_guard turn(one_at_a_time_);
    std::packaged_task<decltype(act())()> task(std::move(act));
    auto result = task.get_future();
    Post([&task] { task(); });
    return result.get();
  }

 private:
  IsolatedThread() = default;
  void Loop(std::promise<int> started);
  void Post(std::function<void()> task);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;  // guarded by mutex_, as is the next
  bool ending_ = false;
  std::mutex one_at_a_time_;
  std::thread thread_;
};

}  // namespace veneer
