// WorkerPool: threads for what blocks, with a bounded queue.
//
// Each thread has a session of its own: a catalog is used by one thread at a time. Any thread may
// call TryPost. What was taken is done, also when the pool ends.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "api/session.h"

namespace veneer::api {

class WorkerPool {
 public:
  using Job = std::move_only_function<void(Session&)>;

  // A thread for each session; at most `queue` jobs wait for one that is at work.
  WorkerPool(std::vector<std::unique_ptr<Session>> sessions, std::size_t queue);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();  // waits for all that was taken

  // False where the queue is full: the job is dropped then. Jobs do not throw.
  [[nodiscard]] bool TryPost(Job job);

 private:
  void Work(Session& session);

  const std::size_t most_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;  // guarded by mutex_, as are the next
  std::size_t idle_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace veneer::api
