#include "api/worker_pool.h"

#include <utility>

namespace veneer::api {

WorkerPool::WorkerPool(std::vector<std::unique_ptr<Session>> sessions, std::size_t queue)
    : most_(queue), sessions_(std::move(sessions)), idle_(sessions_.size()) {
  threads_.reserve(sessions_.size());
  for (const auto& session : sessions_) {
    threads_.emplace_back([this, at = session.get()] { Work(*at); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::TryPost(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= most_ + idle_) return false;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::Work(Session& session) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    --idle_;
    lock.unlock();
    job(session);
    job = nullptr;
    lock.lock();
    ++idle_;
  }
}

}  // namespace veneer::api
