// Runs programs for tests, with everything bounded in time.
//
// stdin is /dev/null; stdout and stderr are captured through pipes. A program is over when it has
// exited and nobody holds its output open any more: a server that a command leaves behind must
// not hold the caller's output, and here it would show as `timed_out`.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace veneer::support {

struct Outcome {
  int status = -1;  // exit status; 128 + n where signal n ended it, as in a shell
  bool timed_out = false;
  std::string out;
  std::string err;
};

struct RunOptions {
  std::chrono::milliseconds timeout = std::chrono::minutes(2);
  std::map<std::string, std::string> environment = {};  // on top of the test's own
};

// Starts `argv` (found in PATH), waits, and kills it where the time is over. A program that
// cannot be started gives status 127 and the reason in `err`.
Outcome Run(const std::vector<std::string>& argv, const RunOptions& options = {});

// A program in the background; killed and reaped by the destructor.
class Child {
 public:
  explicit Child(const std::vector<std::string>& argv, const RunOptions& options = {});
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Does nothing once Wait has reaped the program.
  void Signal(int number) const;

  // Reads on until stdout or stderr holds `text`. False where the time is over or both ended.
  [[nodiscard]] bool WaitForOutput(std::string_view text, std::chrono::milliseconds timeout);

  // Waits for the end (see above), kills where `timeout` is over. Call once.
  Outcome Wait(std::chrono::milliseconds timeout);

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  [[nodiscard]] bool OutputIsOpen() const { return out_.valid() || err_.valid(); }
  bool ReadSome(Deadline deadline);  // false where the time is over
  bool ReapBefore(Deadline deadline);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd out_;
  UniqueFd err_;
  Outcome outcome_;
};

// To a process that a test has looked up. False where there is none: a look that found nothing
// gives -1 or 0, which kill(2) takes for every process there is, or for the test's whole group.
[[nodiscard]] bool Signal(pid_t process, int number);

// The `veneer` program of this build.
std::string Program();

// Runs `veneer` with these arguments.
Outcome RunVeneer(const std::vector<std::string>& arguments, const RunOptions& options = {});

// True once `condition` holds; asks again every few milliseconds until the time is over.
template <class Condition>
bool Eventually(Condition condition, std::chrono::milliseconds timeout);

void PauseBeforeAskingAgain();

template <class Condition>
bool Eventually(Condition condition, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return condition();
    PauseBeforeAskingAgain();
  }
  return true;
}

}  // namespace veneer::support
