// For tests: a piece of work in a process of its own, which can be killed.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/unique_fd.h"

namespace veneer::testing {

// The child's end of the line to its parent.
class Voice {
 public:
  explicit Voice(UniqueFd fd) : fd_(std::move(fd)) {}
  // Blocks where the parent has not listened for long.
  void Say(unsigned char word) const {
    if (::write(fd_.get(), &word, 1) != 1) ::_exit(3);
  }

 private:
  UniqueFd fd_;
};

// Forks at once. The child ends with `work`, without destructors of the test's objects. Killed and
// reaped by the destructor.
class Forked {
 public:
  // `work(const Voice&)` says whether all went well.
  template <class Work>
  explicit Forked(Work work) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    ear_ = UniqueFd(ends[0]);
    UniqueFd mouth(ends[1]);
    pid_ = ::fork();
    if (pid_ < 0) std::abort();
    if (pid_ > 0) return;
    ear_.Close();
    ::_exit(work(Voice(std::move(mouth))) ? 0 : 1);
  }
  Forked(Forked&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), ear_(std::move(other.ear_)) {}
  Forked& operator=(Forked&&) = delete;
  ~Forked() { Kill(); }

  [[nodiscard]] pid_t pid() const { return pid_; }

  // What the child has said next; -1 when it has ended.
  [[nodiscard]] int Hear() const {
    unsigned char word = 0;
    return ::read(ear_.get(), &word, 1) == 1 ? word : -1;
  }

  // Lets it end by itself: whether all went well.
  bool Wait() {
    const int status = Reap();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  // SIGKILL, and waits until it is gone.
  void Kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    Reap();
  }

 private:
  int Reap() {
    int status = -1;
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  pid_t pid_ = -1;
  UniqueFd ear_;
};

}  // namespace veneer::testing
