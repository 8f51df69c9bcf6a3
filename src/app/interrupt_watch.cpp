#include "app/interrupt_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace veneer {
namespace {

// A signal handler can reach nothing but what is global. -1: no watch is installed.
std::atomic<int> signal_pipe = -1;
std::atomic<int> last_signal = 0;

static_assert(std::atomic<int>::is_always_lock_free, "the handler may not take a lock");

extern "C" void NoteSignal(int number) {
  const int saved = errno;
  last_signal = number;
  const char byte = 0;
  // A full pipe is readable as it is.
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe, &byte, 1);
  errno = saved;
}

}  // namespace

Result<std::unique_ptr<InterruptWatch>> InterruptWatch::Install() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return FailErrno(errno, "make a pipe");
  UniqueFd read(ends[0]);
  UniqueFd write(ends[1]);
  int none = -1;
  if (!signal_pipe.compare_exchange_strong(none, write.get())) {
    return Fail(ErrorKind::kConflict, "signals are watched already");
  }
  return std::unique_ptr<InterruptWatch>(new InterruptWatch(std::move(read), std::move(write)));
}

InterruptWatch::InterruptWatch(UniqueFd read, UniqueFd write)
    : read_(std::move(read)), write_(std::move(write)) {
  last_signal = 0;
  struct sigaction action{};
  action.sa_handler = NoteSignal;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals.at(i), &action, &former_.at(i));
  }
}

InterruptWatch::~InterruptWatch() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals.at(i), &former_.at(i), nullptr);
  }
  signal_pipe = -1;
}

Result<void> InterruptWatch::Check() const {
  const int number = last_signal;
  if (number == 0) return {};
  return Fail(Error{ErrorKind::kFailed, EINTR,
                    fmt::format("interrupted by SIG{}", ::sigabbrev_np(number)),
                    "what it had made is removed; run it again"});
}

}  // namespace veneer
