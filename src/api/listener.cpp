#include "api/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <utility>

#include "catalog/ticket_file.h"

namespace veneer::api {
namespace {

// What waits beyond it believes that it is connected, and is told nothing.
constexpr int kBacklog = SOMAXCONN;
constexpr mode_t kSocketMode = 0660;

// The largest first: it is what {} fills with zeros.
union SocketAddress {
  sockaddr_un local;
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

struct Address {
  SocketAddress value{};
  socklen_t size = 0;
};

std::unexpected<Error> NoAddress(std::string_view text) {
  return Fail(ErrorKind::kUsage, fmt::format("cannot listen at '{}'", text),
              "name unix:PATH, 127.0.0.1:PORT or [::1]:PORT; other hosts are not served");
}

Result<Address> AddressOfPath(const std::string& path) {
  Address address{.size = sizeof(sockaddr_un)};
  sockaddr_un& local = address.value.local;
  if (path.size() >= sizeof local.sun_path) {
    return Fail(ErrorKind::kUsage, fmt::format("{} is too long for a socket", path),
                fmt::format("use a path of at most {} bytes", sizeof local.sun_path - 1));
  }
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  return address;
}

Address AddressOfPort(const ListenAddress& from) {
  Address address;
  if (from.ip == "::1") {
    address.size = sizeof(sockaddr_in6);
    address.value.v6.sin6_family = AF_INET6;
    address.value.v6.sin6_addr = in6addr_loopback;
    address.value.v6.sin6_port = htons(from.port);
  } else {
    address.size = sizeof(sockaddr_in);
    address.value.v4.sin_family = AF_INET;
    address.value.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.value.v4.sin_port = htons(from.port);
  }
  return address;
}

Result<UniqueFd> NewSocket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(errno, "make a socket");
  return fd;
}

std::unexpected<Error> Served(const std::string& path) {
  return Fail(ErrorKind::kConflict, fmt::format("somebody serves {} already", path),
              "stop that daemon, or choose another path with --listen");
}

// Who has it is the path's owner, and may replace what lies there.
Result<UniqueFd> LockPath(const std::string& path) {
  const std::string name = path + ".lock";
  for (;;) {
    TicketFile file = VENEER_TRY(TicketFile::Open(name));
    const bool turn = VENEER_TRY(file.IsTurn());
    if (!turn) return Served(path);
    // The last owner may have removed it between our open and our turn.
    if (file.IsAtPath()) return std::move(file).TakeFd();
  }
}

// Removes a socket that nobody serves. Programs that know nothing of the lock are asked, too.
Result<void> ClearPath(const std::string& path, const Address& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return FailErrno(errno, path);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is no socket", path),
                "choose another path with --listen, or remove it");
  }
  const UniqueFd probe = VENEER_TRY(NewSocket(AF_UNIX));
  if (::connect(probe.get(), &address.value.any, address.size) == 0) return Served(path);
  if (errno != ECONNREFUSED) return FailErrno(errno, fmt::format("connect to {}", path));
  if (::unlink(path.c_str()) != 0) return FailErrno(errno, fmt::format("remove {}", path));
  return {};
}

Result<UniqueFd> ListenAt(const Address& address, std::string_view name) {
  UniqueFd fd = VENEER_TRY(NewSocket(address.value.any.sa_family));
  const int on = 1;
  const bool tcp = address.value.any.sa_family != AF_UNIX;
  if (tcp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Before it has a name: nobody can connect with another mode.
  if (!tcp) ::fchmod(fd.get(), kSocketMode);
  if (::bind(fd.get(), &address.value.any, address.size) != 0) {
    return FailErrno(errno == EADDRINUSE ? EBUSY : errno, fmt::format("listen at {}", name),
                     "stop what listens there, or choose another address with --listen");
  }
  return fd;
}

Result<void> StartListening(const UniqueFd& fd, std::string_view name) {
  if (::listen(fd.get(), kBacklog) != 0) return FailErrno(errno, fmt::format("listen at {}", name));
  return {};
}

int OptionOf(const UniqueFd& fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd.get(), SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

std::unexpected<Error> NotOurs(std::string what) {
  return Fail(ErrorKind::kUsage, std::move(what),
              "give the daemon a listening stream socket: a unix socket, or one on loopback");
}

}  // namespace

std::vector<std::string> HostsOf(std::string_view ip, int port) {
  constexpr int kHttp = 80;
  std::vector<std::string> hosts;
  for (const std::string_view name : {ip, std::string_view("localhost")}) {
    hosts.push_back(fmt::format("{}:{}", name, port));
    if (port == kHttp) hosts.emplace_back(name);
  }
  return hosts;
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  ListenAddress address;
  if (text.starts_with(kUnix)) {
    address.path = text.substr(kUnix.size());
    const bool absolute = address.path.starts_with('/') && !address.path.ends_with('/') &&
                          address.path.find('\0') == std::string::npos;
    if (!absolute) return NoAddress(text);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return NoAddress(text);
  const std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host == "127.0.0.1" || host == "localhost") address.ip = "127.0.0.1";
  if (host == "[::1]") address.ip = "::1";
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || address.ip.empty()) return NoAddress(text);
  return address;
}

Result<Listener> Listener::Open(const ListenAddress& address) {
  if (address.path.empty()) {
    const std::string name = fmt::format("{}:{}", address.ip, address.port);
    Listener listener(VENEER_TRY(ListenAt(AddressOfPort(address), name)), UniqueFd());
    VENEER_TRY(StartListening(listener.fd_, name));
    VENEER_TRY(listener.Describe());
    return listener;
  }
  const Address at = VENEER_TRY(AddressOfPath(address.path));
  UniqueFd lock = VENEER_TRY(LockPath(address.path));
  VENEER_TRY(ClearPath(address.path, at));
  Listener listener(VENEER_TRY(ListenAt(at, address.path)), std::move(lock));
  listener.path_ = address.path;
  VENEER_TRY(listener.Describe());
  // The umask may have taken bits away.
  if (::chmod(address.path.c_str(), kSocketMode) != 0) return FailErrno(errno, address.path);
  VENEER_TRY(StartListening(listener.fd_, address.path));
  return listener;
}

Result<Listener> Listener::Adopt(UniqueFd fd) {
  Listener listener(std::move(fd), UniqueFd());
  const bool listens =
      OptionOf(listener.fd_, SO_TYPE) == SOCK_STREAM && OptionOf(listener.fd_, SO_ACCEPTCONN) == 1;
  if (!listens) return NotOurs("a descriptor of the service manager is no listening socket");
  VENEER_TRY(listener.Describe());
  return listener;
}

// Asks the kernel where it is: that is true of sockets that others have made, too.
Result<void> Listener::Describe() {
  Address at{.size = sizeof at.value};
  if (::getsockname(fd_.get(), &at.value.any, &at.size) != 0) {
    return FailErrno(errno, "ask for a socket's address");
  }
  family_ = at.value.any.sa_family;
  if (family_ == AF_UNIX && at.size > offsetof(sockaddr_un, sun_path)) {
    path_ = at.value.local.sun_path;
    name_ = "unix:" + path_;
    return {};
  }
  const bool v4 = family_ == AF_INET && at.value.v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
  const bool v6 = family_ == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&at.value.v6.sin6_addr);
  if (!v4 && !v6) return NotOurs("a socket could be reached from other hosts");
  const int port = ntohs(v4 ? at.value.v4.sin_port : at.value.v6.sin6_port);
  const std::string_view ip = v4 ? "127.0.0.1" : "[::1]";
  name_ = fmt::format("{}:{}", ip, port);
  hosts_ = HostsOf(ip, port);
  return {};
}

Listener::~Listener() {
  if (!lock_.valid()) return;  // not its owner
  ::unlink(path_.c_str());
  ::unlink((path_ + ".lock").c_str());
}

}  // namespace veneer::api
