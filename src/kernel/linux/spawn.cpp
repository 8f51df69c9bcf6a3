#include "kernel/linux/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "kernel/linux/signals_blocked.h"

namespace veneer {
namespace {

// How the program finds itself: what is open, which signals reach it, and where it is.
class Surroundings {
 public:
  explicit Surroundings(int pipe) {
    ::posix_spawn_file_actions_init(&actions_);
    // Where the numbers are the same too: it is not closed by exec then.
    ::posix_spawn_file_actions_adddup2(&actions_, pipe, kSpawnedPipe);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kSpawnedPipe + 1);
    for (const int end : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::posix_spawn_file_actions_addopen(&actions_, end, "/dev/null", O_RDWR, 0);
    }
    ::posix_spawn_file_actions_addchdir_np(&actions_, "/");
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
  }
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;
  ~Surroundings() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  // 0, or an errno where there is no such process.
  int Start(const char* program, char* const* arguments) const {
    pid_t pid = -1;
    return ::posix_spawn(&pid, program, &actions_, &attributes_, arguments, environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// All that the child needs: it cannot make anything.
struct Prepared {
  const char* program;
  char* const* arguments;
  const Surroundings& surroundings;
  std::string_view complaint;
  int pipe;
};

// NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork,bugprone-unsafe-functions):
// POSIX promises less of vfork than Linux does.

// In the child: starts the program and goes, which leaves it to init, whoever our parent is. Both
// run in our memory until the program is there: a fork would copy the page tables of a whole
// process, and fault its pages in anew. (A second vfork would do as well, but the sanitizers' one
// does not nest.)
[[noreturn]] void StartAndLeave(const Prepared& prepared) {
  ::setsid();
  const int error = prepared.surroundings.Start(prepared.program, prepared.arguments);
  if (error == EAGAIN || error == ENOMEM) ::_exit(1);
  if (error != 0) {
    [[maybe_unused]] const ssize_t n =
        ::write(prepared.pipe, prepared.complaint.data(), prepared.complaint.size());
  }
  ::_exit(0);
}

// The child's id, when it is gone.
pid_t Start(const Prepared& prepared) {
  const SignalsBlocked blocked;
  const pid_t child = ::vfork();
  if (child == 0) StartAndLeave(prepared);
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
  const Surroundings surroundings(write_end.get());
  const Prepared prepared{.program = program.c_str(),
                          .arguments = pointers.data(),
                          .surroundings = surroundings,
                          .complaint = line,
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
