#include "kernel/linux/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <utility>

namespace veneer {
namespace {

constexpr std::size_t kErrorsKept = 8192;
constexpr int kTickMilliseconds = 200;
constexpr int kFirstInherited = STDERR_FILENO + 1;
// Above every number that the program's files will have: none hides another on its way there.
constexpr int kOutOfTheWay = 64;

std::string SearchPath() {
  const char* path = std::getenv("PATH");
  return fmt::format("{}:/usr/sbin:/sbin", path == nullptr ? "/usr/bin:/bin" : path);
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> MoveAway(int fd) {
  UniqueFd moved(::fcntl(fd, F_DUPFD_CLOEXEC, kOutOfTheWay));
  if (!moved.valid()) return FailErrno(errno, "duplicate a descriptor");
  return moved;
}

std::vector<char*> PointersTo(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Everything that is needed after fork(), where memory cannot be had any more.
struct Prepared {
  const char* path;
  char* const* arguments;
  char* const* environment;
  const std::vector<UniqueFd>& descriptors;  // to become 0, 1, 2, …
  int failure;                               // a pipe for the errno of what fails before exec
  pid_t parent;
};

// In the child: only what signal-safety(7) allows.
[[noreturn]] void Become(const Prepared& prepared) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != prepared.parent) ::_exit(127);  // it died before the line above
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  bool ready = true;
  for (std::size_t i = 0; i < prepared.descriptors.size(); ++i) {
    ready = ready && ::dup2(prepared.descriptors[i].get(), static_cast<int>(i)) >= 0;
  }
  ::close_range(static_cast<unsigned>(prepared.descriptors.size()),
                std::numeric_limits<unsigned>::max(), CLOSE_RANGE_CLOEXEC);
  if (ready) ::execve(prepared.path, prepared.arguments, prepared.environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t n = ::write(prepared.failure, &error, sizeof error);
  ::_exit(127);
}

// Begins with a whole line, where there is one.
void CutToLastLines(std::string& text) {
  if (text.size() <= kErrorsKept) return;
  const std::size_t least = text.size() - kErrorsKept;
  const std::size_t line_end = text.find('\n', least - 1);
  const bool found = line_end != std::string::npos && line_end + 1 < text.size();
  text.erase(0, found ? line_end + 1 : least);
}

class Child {
 public:
  static Result<Child> Start(const ChildProgram& program);

  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        pidfd_(std::move(other.pidfd_)),
        out_(std::move(other.out_)),
        err_(std::move(other.err_)) {}
  Child& operator=(Child&&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  Result<ChildEnd> Finish(const ChildProgram& program);

 private:
  Child(pid_t pid, UniqueFd out, UniqueFd err)
      : pid_(pid), out_(std::move(out)), err_(std::move(err)) {}
  static Result<std::vector<UniqueFd>> DescriptorsFor(const ChildProgram& program,
                                                      const UniqueFd& out, const UniqueFd& err);
  Result<void> ReadOutput(const ChildProgram& program);
  Result<void> Drain(UniqueFd& from, const std::function<Result<void>(std::string_view)>& to);
  Result<void> Keep(std::string_view text);
  Result<int> Reap();

  pid_t pid_;  // -1: reaped, or moved from
  UniqueFd pidfd_;
  UniqueFd out_;
  UniqueFd err_;
  std::string errors_;
};

Result<std::vector<UniqueFd>> Child::DescriptorsFor(const ChildProgram& program,
                                                    const UniqueFd& out, const UniqueFd& err) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return FailErrno(errno, "open /dev/null");
  std::vector<int> numbers{program.input == nullptr ? null.get() : program.input->get(), out.get(),
                           err.get()};
  for (const UniqueFd* file : program.files) numbers.push_back(file->get());
  std::vector<UniqueFd> descriptors;
  descriptors.reserve(numbers.size());
  for (const int number : numbers) descriptors.push_back(VENEER_TRY(MoveAway(number)));
  return descriptors;
}

Result<Child> Child::Start(const ChildProgram& program) {
  const std::string path = VENEER_TRY(PathOfProgram(program.argv.at(0), program.package));
  Pipe out = VENEER_TRY(MakePipe());
  Pipe err = VENEER_TRY(MakePipe());
  Pipe failure = VENEER_TRY(MakePipe());
  failure.write = VENEER_TRY(MoveAway(failure.write.get()));
  const std::vector<UniqueFd> descriptors =
      VENEER_TRY(DescriptorsFor(program, out.write, err.write));
  std::vector<std::string> arguments = program.argv;
  std::vector<std::string> environment{"PATH=" + SearchPath(), "LC_ALL=C"};
  const std::vector<char*> argument_pointers = PointersTo(arguments);
  const std::vector<char*> environment_pointers = PointersTo(environment);
  const Prepared prepared{.path = path.c_str(),
                          .arguments = argument_pointers.data(),
                          .environment = environment_pointers.data(),
                          .descriptors = descriptors,
                          .failure = failure.write.get(),
                          .parent = ::getpid()};
  const pid_t pid = ::fork();
  if (pid == 0) Become(prepared);
  if (pid < 0) return FailErrno(errno, "start a process", "this host may be out of processes");
  Child child(pid, std::move(out.read), std::move(err.read));
  failure.write.Close();
  int error = 0;
  ssize_t n = -1;
  do {
    n = ::read(failure.read.get(), &error, sizeof error);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof error) return FailErrno(error, fmt::format("start {}", path));
  child.pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pidfd_.valid()) return FailErrno(errno, fmt::format("watch {}", path));
  for (const UniqueFd* end : {&child.out_, &child.err_}) {
    ::fcntl(end->get(), F_SETFL, O_RDONLY | O_NONBLOCK);
  }
  return child;
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  Reap().Ignore("it is gone");
}

Result<int> Child::Reap() {
  int status = 0;
  const pid_t pid = std::exchange(pid_, -1);
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return FailErrno(errno, "wait for a program");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The end of the text is what matters; up to twice as much is kept meanwhile, to move it seldom.
Result<void> Child::Keep(std::string_view text) {
  errors_ += text;
  if (errors_.size() > 2 * kErrorsKept) CutToLastLines(errors_);
  return {};
}

// Reads what is there. Closes `from` at its end.
Result<void> Child::Drain(UniqueFd& from, const std::function<Result<void>(std::string_view)>& to) {
  std::array<char, 65536> buffer{};
  while (from.valid()) {
    const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return {};
    if (n < 0) return FailErrno(errno, "read what a program says");
    if (n == 0) from.Close();
    if (n > 0 && to) VENEER_TRY(to(std::string_view(buffer.data(), static_cast<std::size_t>(n))));
  }
  return {};
}

Result<void> Child::ReadOutput(const ChildProgram& program) {
  VENEER_TRY(Drain(out_, program.output));
  return Drain(err_, [this](std::string_view text) { return Keep(text); });
}

Result<ChildEnd> Child::Finish(const ChildProgram& program) {
  const int timeout = program.tick ? kTickMilliseconds : -1;
  bool ended = false;
  while (!ended) {
    std::array<pollfd, 3> polled{pollfd{pidfd_.get(), POLLIN, 0}, pollfd{out_.get(), POLLIN, 0},
                                 pollfd{err_.get(), POLLIN, 0}};
    (void)::poll(polled.data(), polled.size(), timeout);
    // What it has started may hold its output open for ever: it is over when it has ended itself.
    ended = polled[0].revents != 0;
    VENEER_TRY(ReadOutput(program));
    if (program.tick) program.tick();
  }
  ChildEnd end{.status = VENEER_TRY(Reap()), .errors = std::move(errors_)};
  CutToLastLines(end.errors);
  return end;
}

}  // namespace

int InheritedNumber(std::size_t index) { return kFirstInherited + static_cast<int>(index); }

std::string InheritedPath(std::size_t index) {
  return fmt::format("/proc/self/fd/{}", InheritedNumber(index));
}

Result<std::string> PathOfProgram(const std::string& name, const std::string& package) {
  std::istringstream directories(SearchPath());
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string candidate = fmt::format("{}/{}", directory.empty() ? "." : directory, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Fail(ErrorKind::kUnsupported, fmt::format("the program {} is missing", name),
              fmt::format("install the Debian package {}", package));
}

Result<ChildEnd> RunChild(const ChildProgram& program) {
  Child child = VENEER_TRY(Child::Start(program));
  if (program.started) VENEER_TRY(program.started(child.pid()));
  return child.Finish(program);
}

}  // namespace veneer
