#include "backend/user/control_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "kernel/linux/unix_socket.h"

namespace veneer {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLine = std::size_t{64} << 10U;

// Who is at the other end: the kernel says so.
Result<Connection> Identify(UniqueFd fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return FailErrno(errno, "ask who is at the other end");
  }
  if (peer.uid != 0 && peer.uid != ::geteuid()) {
    return Fail(ErrorKind::kFailed, fmt::format("user {} is not trusted here", peer.uid),
                "run as root, or as the user who attached the disk");
  }
  return Connection{.fd = std::move(fd), .peer_pid = peer.pid, .peer_uid = peer.uid};
}

Result<void> WaitFor(const UniqueFd& fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    pollfd poll{.fd = fd.get(), .events = events, .revents = 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return {};
    if (ready == 0) return FailErrno(ETIMEDOUT, "wait for the other end");
    if (errno != EINTR) return FailErrno(errno, "wait for the other end");
  }
}

}  // namespace

Result<UniqueFd> ListenAt(const std::string& path) { return ListenAtUnix(path); }

Result<Connection> ConnectTo(const std::string& path) {
  return Identify(VENEER_TRY(ConnectToUnix(path)));
}

Result<Connection> AcceptFrom(const UniqueFd& listener) {
  UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, "accept a connection");
  return Identify(std::move(fd));
}

Result<void> SendLine(const UniqueFd& fd, std::string line, milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    VENEER_TRY(WaitFor(fd, POLLOUT, deadline));
    // A pipe's write below PIPE_BUF does not block after POLLOUT; a socket's is told not to.
    ssize_t n = ::send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == ENOTSOCK) n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno != EINTR && errno != EAGAIN) return FailErrno(errno, "send a message");
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::string> ReceiveLine(const UniqueFd& fd, milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  std::string line;
  std::array<char, 4096> buffer{};
  while (line.size() < kLongestLine) {
    VENEER_TRY(WaitFor(fd, POLLIN, deadline));
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "receive a message");
    if (n == 0) return FailErrno(EPIPE, "receive a message");
    line.append(buffer.data(), static_cast<std::size_t>(n));
    const std::size_t end = line.find('\n');
    if (end != std::string::npos) return line.substr(0, end);
  }
  return FailErrno(EMSGSIZE, "receive a message");
}

}  // namespace veneer
