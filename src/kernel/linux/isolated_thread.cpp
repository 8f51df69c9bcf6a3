#include "kernel/linux/isolated_thread.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "kernel/linux/signals_blocked.h"

namespace veneer {

Result<std::unique_ptr<IsolatedThread>> IsolatedThread::Start() {
  std::unique_ptr<IsolatedThread> result(new IsolatedThread);
  std::promise<int> started;
  std::future<int> error = started.get_future();
  {
    const SignalsBlocked blocked;
    result->thread_ = std::thread([self = result.get(), promise = std::move(started)]() mutable {
      self->Loop(std::move(promise));
    });
  }
  const int code = error.get();
  if (code != 0) return FailErrno(code, "give a thread its own descriptors");
  return result;
}

IsolatedThread::~IsolatedThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void IsolatedThread::Loop(std::promise<int> started) {
  if (::unshare(CLONE_FILES) != 0) {
    started.set_value(errno);
    return;
  }
  ::close_range(STDERR_FILENO + 1, std::numeric_limits<unsigned>::max(), 0);
  started.set_value(0);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || task_; });
    if (!task_) return;
    const std::function<void()> task = std::exchange(task_, {});
    lock.unlock();
    task();
    lock.lock();
  }
}

void IsolatedThread::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
  }
  changed_.notify_all();
}

}  // namespace veneer
