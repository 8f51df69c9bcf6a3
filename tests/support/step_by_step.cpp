#include "support/step_by_step.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"

namespace veneer::support {
namespace {

// The leak check of the address sanitizer cannot run under a tracer.
constexpr const char* kWithoutLeakCheck = "ASAN_OPTIONS=detect_leaks=0";

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

UniqueFd MemoryFile() {
  UniqueFd fd(::memfd_create("output", MFD_CLOEXEC));
  if (!fd.valid()) Fail("memfd_create");
  return fd;
}

std::string TextOf(const UniqueFd& file) {
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t n = 0;
  while ((n = ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()))) >
         0) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

// The call itself: glibc's function wants a pointer where most requests have a number.
long Trace(long request, pid_t thread, unsigned long address, unsigned long data) {
  return ::syscall(SYS_ptrace, request, thread, address, data);
}

// In the child: only what signal-safety(7) allows. Waits until it is traced.
[[noreturn]] void Become(char* const* argv, int gate, const std::array<int, 3>& files) {
  for (std::size_t n = 0; n < files.size(); ++n) ::dup2(files.at(n), static_cast<int>(n));
  char byte = 0;
  ssize_t read = 0;
  do {
    read = ::read(gate, &byte, 1);
  } while (read < 0 && errno == EINTR);
  if (read == 1) ::execvp(argv[0], argv);
  ::_exit(127);
}

class Tracee {
 public:
  Tracee(const std::vector<std::string>& program, const std::set<long>& calls,
         const std::function<int(const CallAtHand&)>& error_of)
      : calls_(calls), error_of_(error_of) {
    Start({"env", kWithoutLeakCheck}, program);
  }

  Outcome Follow(std::chrono::milliseconds timeout);

 private:
  void Start(std::vector<std::string> words, const std::vector<std::string>& program);
  void FollowToTheEnd();
  // What it is to be given when it goes on.
  unsigned long Look(pid_t thread, int status);
  void LookAtCall(pid_t thread);
  using Register = decltype(&user_regs_struct::rax);
  static void Set(pid_t thread, Register which, unsigned long long value);

  const std::set<long>& calls_;
  const std::function<int(const CallAtHand&)>& error_of_;
  std::map<pid_t, int> failing_;  // threads in a call that is not made, and their errors
  pid_t pid_ = -1;
  UniqueFd out_ = MemoryFile();
  UniqueFd err_ = MemoryFile();
  int status_ = 0;
};

void Tracee::Start(std::vector<std::string> words, const std::vector<std::string>& program) {
  words.insert(words.end(), program.begin(), program.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) Fail("pipe2");
  const UniqueFd gate(ends[0]);
  UniqueFd opener(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) Fail("fork");
  if (pid_ == 0) {
    opener.Close();
    Become(argv.data(), gate.get(), {null.get(), out_.get(), err_.get()});
  }
  // A group of its own: its threads are told from other children by that.
  ::setpgid(pid_, pid_);
  constexpr unsigned long kOptions =
      PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (Trace(PTRACE_SEIZE, pid_, 0, kOptions) != 0) Fail("PTRACE_SEIZE");
  if (::write(opener.get(), "x", 1) != 1) Fail("write");
}

void Tracee::LookAtCall(pid_t thread) {
  __ptrace_syscall_info info{};
  const auto place = reinterpret_cast<unsigned long>(&info);
  if (Trace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, place) <= 0) return;  // it was killed
  if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    if (const auto failing = failing_.extract(thread)) {
      Set(thread, &user_regs_struct::rax, static_cast<unsigned long long>(-failing.mapped()));
    }
    return;
  }
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
  CallAtHand call{.thread = thread, .number = static_cast<long>(info.entry.nr)};
  if (!calls_.contains(call.number)) return;
  std::ranges::copy(info.entry.args, call.arguments.begin());
  const int os_errno = error_of_(call);
  if (os_errno == 0) return;
  failing_[thread] = os_errno;
  Set(thread, &user_regs_struct::orig_rax, ~0ULL);  // no call has this number
}

void Tracee::Set(pid_t thread, Register which, unsigned long long value) {
  user_regs_struct registers{};
  const auto place = reinterpret_cast<unsigned long>(&registers);
  if (Trace(PTRACE_GETREGS, thread, 0, place) != 0) Fail("PTRACE_GETREGS");
  registers.*which = value;
  if (Trace(PTRACE_SETREGS, thread, 0, place) != 0) Fail("PTRACE_SETREGS");
}

unsigned long Tracee::Look(pid_t thread, int status) {
  constexpr int kCall = SIGTRAP | 0x80;
  constexpr int kEventShift = 16;
  const int signal = WSTOPSIG(status);
  if (signal == kCall) LookAtCall(thread);
  const bool is_event = (status >> kEventShift) != 0;
  return signal == kCall || is_event ? 0 : static_cast<unsigned long>(signal);
}

void Tracee::FollowToTheEnd() {
  while (true) {
    int status = 0;
    const pid_t thread = ::waitpid(-pid_, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) return;
    if (!WIFSTOPPED(status)) {
      if (thread == pid_) status_ = status;
      continue;
    }
    Trace(PTRACE_SYSCALL, thread, 0, Look(thread, status));
  }
}

Outcome Tracee::Follow(std::chrono::milliseconds timeout) {
  Outcome outcome;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::thread watch([&] {
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, timeout, [&] { return ended; })) return;
    outcome.timed_out = true;
    ::kill(pid_, SIGKILL);
  });
  FollowToTheEnd();
  {
    const std::lock_guard lock(mutex);
    ended = true;
  }
  changed.notify_one();
  watch.join();
  outcome.status = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  outcome.out = TextOf(out_);
  outcome.err = TextOf(err_);
  return outcome;
}

}  // namespace

Outcome RunStepByStep(const std::vector<std::string>& program, const std::set<long>& calls,
                      const std::function<void(unsigned step)>& at_step,
                      std::chrono::milliseconds timeout) {
  unsigned steps = 0;
  const auto no_error = [&](const CallAtHand&) {
    at_step(++steps);
    return 0;
  };
  return RunWithFailures(program, calls, no_error, timeout);
}

Outcome RunWithFailures(const std::vector<std::string>& program, const std::set<long>& calls,
                        const std::function<int(const CallAtHand&)>& error_of,
                        std::chrono::milliseconds timeout) {
  return Tracee(program, calls, error_of).Follow(timeout);
}

}  // namespace veneer::support
