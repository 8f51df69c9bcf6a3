#include "app/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <sstream>
#include <utility>

namespace veneer {
namespace {

constexpr int kGraceMilliseconds = 10'000;
constexpr int kLookMilliseconds = 200;
constexpr off_t kOutputKept = off_t{64} << 20U;

// Output goes to memory files, not to pipes: nothing needs to be drained while the program runs.
Result<UniqueFd> MakeMemoryFile(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, "make a file in memory");
  return fd;
}

std::string TailOf(const UniqueFd& fd) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return {};
  const off_t size = std::min(status.st_size, kOutputKept);
  std::string text(static_cast<std::size_t>(size), '\0');
  const ssize_t n = ::pread(fd.get(), text.data(), text.size(), status.st_size - size);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

// The last few lines of what a program had to say, as one: the cause is not always in the very
// last.
std::string EndOf(const std::string& text) {
  constexpr std::size_t kLines = 4;
  std::istringstream lines(text);
  std::deque<std::string> last;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    last.push_back(line);
    if (last.size() > kLines) last.pop_front();
  }
  return fmt::format("{}", fmt::join(last, "; "));
}

Result<pid_t> Spawn(const std::string& path, std::vector<std::string> argv, const UniqueFd& out,
                    const UniqueFd& err) {
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (std::string& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  // Nothing else of ours or of our caller's: mmdebstrap hands apt a descriptor by its number,
  // through a shell that knows those of one digit only.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  // A process group of its own: Ctrl-C reaches the program through us, in order, or not at all.
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, path.c_str(), &actions, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FailErrno(error, fmt::format("start {}", path));
  return pid;
}

// Tells the last line of a growing file.
class LineReader {
 public:
  LineReader(const UniqueFd& file, const HearLine& hear) : file_(file), hear_(hear) {}

  void Look() {
    if (!hear_) return;
    std::array<char, 4096> buffer{};
    ssize_t n = 0;
    while ((n = ::pread(file_.get(), buffer.data(), buffer.size(), at_)) > 0) {
      at_ += n;
      for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(n))) {
        if (c == '\n') last_ = std::exchange(line_, "");
        if (c != '\n' && line_.size() < buffer.size()) line_ += c;
      }
    }
    if (!last_.empty()) hear_(last_);
  }

 private:
  const UniqueFd& file_;
  const HearLine& hear_;
  off_t at_ = 0;
  std::string line_;
  std::string last_;
};

// Waits until the program has ended; true where a signal to us came first.
bool WaitForEnd(const UniqueFd& pidfd, const UniqueFd& interrupt, LineReader reader) {
  std::array<pollfd, 2> polled{pollfd{pidfd.get(), POLLIN, 0}, pollfd{interrupt.get(), POLLIN, 0}};
  while (polled[0].revents == 0 && polled[1].revents == 0) {
    (void)::poll(polled.data(), polled.size(), kLookMilliseconds);
    reader.Look();
  }
  return polled[0].revents == 0;
}

void EndGroup(pid_t pid, const UniqueFd& pidfd) {
  ::kill(-pid, SIGTERM);
  pollfd polled{pidfd.get(), POLLIN, 0};
  (void)::poll(&polled, 1, kGraceMilliseconds);
  ::kill(-pid, SIGKILL);
}

// Runs the program to its end, or ends it when `interrupt` (where it is valid) becomes readable.
Result<ProgramEnd> RunUnless(const std::vector<std::string>& argv, const UniqueFd& interrupt,
                             const HearLine& hear = {}) {
  const std::string path = VENEER_TRY(FindProgram(argv.at(0)));
  const UniqueFd out = VENEER_TRY(MakeMemoryFile("stdout"));
  const UniqueFd err = VENEER_TRY(MakeMemoryFile("stderr"));
  const pid_t pid = VENEER_TRY(Spawn(path, argv, out, err));
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (WaitForEnd(pidfd, interrupt, LineReader(err, hear))) EndGroup(pid, pidfd);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return ProgramEnd{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), TailOf(out),
                    TailOf(err)};
}

}  // namespace

Result<std::string> FindProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(fmt::format("{}:/usr/sbin:/sbin", path == nullptr ? "" : path));
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string candidate = fmt::format("{}/{}", directory, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Fail(ErrorKind::kUnsupported, fmt::format("the program {} is missing", name),
              "install the Debian package that has it");
}

Result<ProgramEnd> RunProgram(const std::vector<std::string>& argv, const InterruptWatch& watch,
                              const HearLine& hear) {
  VENEER_TRY(watch.Check());
  ProgramEnd end = VENEER_TRY(RunUnless(argv, watch.fd(), hear));
  VENEER_TRY(watch.Check());
  return end;
}

Result<ProgramEnd> RunUninterrupted(const std::vector<std::string>& argv) {
  return RunUnless(argv, UniqueFd());
}

Result<std::string> RunOrFail(const std::vector<std::string>& argv, const InterruptWatch& watch,
                              const HearLine& hear) {
  ProgramEnd end = VENEER_TRY(RunProgram(argv, watch, hear));
  if (end.status != 0) {
    return Fail(ErrorKind::kFailed, fmt::format("{} failed with status {}: {}", argv.at(0),
                                                end.status, EndOf(end.err)));
  }
  return std::move(end.out);
}

}  // namespace veneer
