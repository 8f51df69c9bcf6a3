#include "kernel/linux/unix_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace veneer {
namespace {

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

// How long sending may wait, and connecting, which the kernel counts as such (unix(7)); for ever
// with no time.
Result<void> BoundWaiting(const UniqueFd& fd, std::chrono::milliseconds limit) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
  const timeval time{
      .tv_sec = seconds.count(),
      .tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(limit - seconds).count()};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0) return {};
  return FailErrno(errno, "bound the waiting of a socket");
}

}  // namespace

Result<UniqueFd> NewUnixSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(errno, "make a socket");
  return fd;
}

Result<UniqueFd> ListenAtUnix(const std::string& path) {
  UniqueFd fd = VENEER_TRY(NewUnixSocket());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove {}", path));
  }
  VENEER_TRY(ListenAtUnix(fd.get(), path));
  return fd;
}

Result<void> ListenAtUnix(int socket, const std::string& path) {
  constexpr int kBacklog = 16;
  const Address address = VENEER_TRY(AddressOf(path));
  if (::bind(socket, Generic(address), sizeof address.value) != 0) {
    if (errno != EADDRINUSE) return FailErrno(errno, fmt::format("listen at {}", path));
    return Fail(ErrorKind::kConflict, fmt::format("{} exists", path),
                "choose another path, or remove it");
  }
  if (::chmod(path.c_str(), 0600) == 0 && ::listen(socket, kBacklog) == 0) return {};
  const int error = errno;
  ::unlink(path.c_str());
  return FailErrno(error, fmt::format("listen at {}", path));
}

Result<UniqueFd> ConnectToUnix(const std::string& path, std::chrono::milliseconds patience) {
  const Address address = VENEER_TRY(AddressOf(path));
  UniqueFd fd = VENEER_TRY(NewUnixSocket());
  VENEER_TRY(BoundWaiting(fd, patience));
  while (::connect(fd.get(), Generic(address), sizeof address.value) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error == ECONNREFUSED || error == ENOENT) {
      return Fail(
          Error{ErrorKind::kNotFound, error, fmt::format("nobody listens at {}", path), ""});
    }
    return FailErrno(error == EAGAIN ? ETIMEDOUT : error, fmt::format("connect to {}", path));
  }
  VENEER_TRY(BoundWaiting(fd, std::chrono::milliseconds(0)));
  return fd;
}

}  // namespace veneer
