#include "kernel/linux/unix_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

Result<UniqueFd> NewSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(errno, "make a socket");
  return fd;
}

}  // namespace

Result<UniqueFd> ListenAtUnix(const std::string& path) {
  const Address address = VENEER_TRY(AddressOf(path));
  UniqueFd fd = VENEER_TRY(NewSocket());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove {}", path));
  }
  constexpr int kBacklog = 16;
  if (::bind(fd.get(), Generic(address), sizeof address.value) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return FailErrno(errno, fmt::format("listen at {}", path));
  }
  return fd;
}

Result<UniqueFd> ConnectToUnix(const std::string& path) {
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
  return fd;
}

}  // namespace veneer
