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

// Everything that is needed after fork(), where memory cannot be had any more.
struct Prepared {
  const char* program;
  char* const* arguments;
  const char* complaint;
  std::size_t complaint_size;
  int pipe;
};

// In the grandchild: only what signal-safety(7) allows.
[[noreturn]] void Become(const Prepared& prepared) {
  ::dup2(prepared.pipe, kSpawnedPipe);  // clears close-on-exec where the numbers differ
  if (prepared.pipe == kSpawnedPipe) ::fcntl(kSpawnedPipe, F_SETFD, 0);
  ::close_range(kSpawnedPipe + 1, std::numeric_limits<unsigned>::max(), 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
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

// In the child: a second fork gives the program to init, whoever its starter's parent is.
[[noreturn]] void Leave(const Prepared& prepared) {
  ::setsid();
  const pid_t pid = ::fork();
  if (pid == 0) Become(prepared);
  ::_exit(pid < 0 ? 1 : 0);
}

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
  const pid_t child = ::fork();
  if (child == 0) Leave(prepared);
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
