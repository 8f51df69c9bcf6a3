#include "backend/user/control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace veneer {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLine = std::size_t{64} << 10U;

// An address that names the socket through a descriptor of its directory: short, however long the
// path is.
struct Address {
  UniqueFd directory;
  sockaddr_un value{};
};

Result<Address> AddressOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Address address;
  address.directory = UniqueFd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!address.directory.valid()) return FailErrno(errno, fmt::format("open {}", parent));
  const std::string name =
      fmt::format("/proc/self/fd/{}/{}", address.directory.get(), path.substr(slash + 1));
  if (name.size() >= sizeof address.value.sun_path) return FailErrno(ENAMETOOLONG, path);
  address.value.sun_family = AF_UNIX;
  std::memcpy(address.value.sun_path, name.data(), name.size());
  return address;
}

const sockaddr* Generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.value);
}

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

Result<UniqueFd> NewSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(errno, "make a socket");
  return fd;
}

Result<UniqueFd> ListenAt(const std::string& path) {
  UniqueFd fd = VENEER_TRY(NewSocket());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove {}", path));
  }
  VENEER_TRY(ListenAtNew(fd.get(), path));
  return fd;
}

Result<void> ListenAtNew(int socket, const std::string& path) {
  constexpr int kWaiting = 16;
  const Address address = VENEER_TRY(AddressOf(path));
  if (::bind(socket, Generic(address), sizeof address.value) != 0) {
    if (errno != EADDRINUSE) return FailErrno(errno, fmt::format("listen at {}", path));
    return Fail(ErrorKind::kConflict, fmt::format("{} exists", path),
                "choose another path, or remove it");
  }
  if (::chmod(path.c_str(), 0600) == 0 && ::listen(socket, kWaiting) == 0) return {};
  const int error = errno;
  ::unlink(path.c_str());
  return FailErrno(error, fmt::format("listen at {}", path));
}

Result<Connection> ConnectTo(const std::string& path) {
  const Address address = VENEER_TRY(AddressOf(path));
  UniqueFd fd = VENEER_TRY(NewSocket());
  while (::connect(fd.get(), Generic(address), sizeof address.value) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error == ECONNREFUSED || error == ENOENT) {
      return Fail(
          Error{ErrorKind::kNotFound, error, fmt::format("nobody listens at {}", path), ""});
    }
    return FailErrno(error, fmt::format("connect to {}", path));
  }
  return Identify(std::move(fd));
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
