#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace veneer::support {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe MakePipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<std::string> EnvironmentWith(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : extra) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int Spawn(pid_t& pid, std::vector<std::string> argv, std::vector<std::string> environment,
          const Pipe& out, const Pipe& err) {
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.write.get(), 2);
  const int error = ::posix_spawnp(&pid, argv.at(0).c_str(), &actions, nullptr,
                                   Pointers(argv).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int MillisecondsUntil(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<long long>(left.count(), 0, 1'000'000));
}

// Appends what is there; closes `fd` at the end of the stream.
void Drain(UniqueFd& fd, std::string& text) {
  std::array<char, 65536> buffer{};
  const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  if (n > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
    fd.Close();
  }
}

}  // namespace

Child::Child(const std::vector<std::string>& argv, const RunOptions& options) {
  Pipe out = MakePipe();
  Pipe err = MakePipe();
  const int error = Spawn(pid_, argv, EnvironmentWith(options.environment), out, err);
  if (error != 0) {
    pid_ = -1;
    outcome_.status = 127;
    outcome_.err = argv.at(0) + ": " + std::strerror(error);
    return;
  }
  pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  out_ = std::move(out.read);
  err_ = std::move(err.read);
}

Child::~Child() {
  if (pid_ < 0) return;
  Signal(SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

void Child::Signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Signal(pid_t process, int number) { return process > 1 && ::kill(process, number) == 0; }

bool Child::ReadSome(Deadline deadline) {
  std::array<pollfd, 2> polled{pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0}};
  const int ready = ::poll(polled.data(), polled.size(), MillisecondsUntil(deadline));
  if (ready == 0) return false;
  if (polled[0].revents != 0) Drain(out_, outcome_.out);
  if (polled[1].revents != 0) Drain(err_, outcome_.err);
  return true;
}

bool Child::ReapBefore(Deadline deadline) {
  pollfd polled{pidfd_.get(), POLLIN, 0};
  while (::poll(&polled, 1, MillisecondsUntil(deadline)) < 0 && errno == EINTR) {
  }
  if (polled.revents == 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return false;
  outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return true;
}

bool Child::WaitForOutput(std::string_view text, std::chrono::milliseconds timeout) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  const auto found = [&] { return outcome_.out.contains(text) || outcome_.err.contains(text); };
  while (!found() && OutputIsOpen()) {
    if (!ReadSome(deadline)) break;
  }
  return found();
}

Outcome Child::Wait(std::chrono::milliseconds timeout) {
  if (pid_ < 0) return outcome_;
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  while (OutputIsOpen()) {
    if (!ReadSome(deadline)) break;
  }
  outcome_.timed_out = OutputIsOpen();
  if (!ReapBefore(deadline)) {
    outcome_.timed_out = true;
    Signal(SIGKILL);
    ReapBefore(std::chrono::steady_clock::now() + std::chrono::seconds(10));
  }
  return outcome_;
}

Outcome Run(const std::vector<std::string>& argv, const RunOptions& options) {
  return Child(argv, options).Wait(options.timeout);
}

std::string Program() { return VENEER_PROGRAM; }

Outcome RunVeneer(const std::vector<std::string>& arguments, const RunOptions& options) {
  std::vector<std::string> argv{Program()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(argv, options);
}

void PauseBeforeAskingAgain() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

}  // namespace veneer::support
