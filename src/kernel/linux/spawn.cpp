#include "kernel/linux/spawn.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <limits>

namespace veneer {
namespace {

// Children are made by vfork(2): they run in our memory, and we wait, until they are another
// program or gone. A fork copies the page tables of a whole process instead, and makes it fault in
// its pages anew. So a child calls what signal-safety(7) allows, changes nothing that is ours, and
// has no signal of ours handled.

// Made before, where memory may be had.
struct Prepared {
  const char* program;
  char* const* arguments;
  const char* complaint;
  std::size_t complaint_size;
  int pipe;
};

// No signal reaches this thread, or what it starts, as long as this object is there.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

// What is ignored stays so, as with every exec.
void ForgetHandlers() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action{};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    if (action.sa_handler == SIG_DFL) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
}

// In the grandchild.
[[noreturn]] void Become(const Prepared& prepared) {
  ::dup2(prepared.pipe, kSpawnedPipe);  // clears close-on-exec where the numbers differ
  if (prepared.pipe == kSpawnedPipe) ::fcntl(kSpawnedPipe, F_SETFD, 0);
  ::close_range(kSpawnedPipe + 1, std::numeric_limits<unsigned>::max(), 0);
  ForgetHandlers();
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  const bool ready = null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 &&
                     ::dup2(null, STDOUT_FILENO) >= 0 && ::dup2(null, STDERR_FILENO) >= 0 &&
                     ::chdir("/") == 0;
  if (null > kSpawnedPipe) ::close(null);
  if (ready) ::execv(prepared.program, prepared.arguments);
  [[maybe_unused]] const ssize_t n =
      ::write(kSpawnedPipe, prepared.complaint, prepared.complaint_size);
  ::_exit(127);
}

// NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork,bugprone-unsafe-functions):
// POSIX promises less of vfork than Linux does, and posix_spawn knows no second child.

// In the child: a second one gives the program to init, whoever its starter's parent is.
[[noreturn]] void Leave(const Prepared& prepared) {
  ::setsid();
  const pid_t pid = ::vfork();
  if (pid == 0) Become(prepared);
  ::_exit(pid < 0 ? 1 : 0);
}

// The child's id, when it is gone or another program.
pid_t Start(const Prepared& prepared) {
  const SignalsHeld held;
  const pid_t child = ::vfork();
  if (child == 0) Leave(prepared);
  return child;
}

// NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork,bugprone-unsafe-functions)

}  // namespace

Result<UniqueFd> SpawnDetached(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::string& complaint) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  std::vector<std::string> words = arguments;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string line = complaint + "\n";
  const Prepared prepared{.program = program.c_str(),
                          .arguments = pointers.data(),
                          .complaint = line.data(),
                          .complaint_size = line.size(),
                          .pipe = write_end.get()};
  const pid_t child = Start(prepared);
  if (child < 0) return FailErrno(errno, "start a process");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    // ECHILD: the program ignores SIGCHLD, and so nothing is left to wait for.
    if (errno != EINTR) return read_end;
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Fail(ErrorKind::kFailed, "start a process", "this host may be out of processes");
  }
  return read_end;
}

}  // namespace veneer
