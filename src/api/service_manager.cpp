#include "api/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace veneer::api {
namespace {

constexpr int kFirstDescriptor = 3;
constexpr int kMostDescriptors = 64;

std::string TakeVariable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

// 0 where it is no number.
int NumberIn(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

std::vector<UniqueFd> TakeActivatedSockets() {
  const int pid = NumberIn(TakeVariable("LISTEN_PID"));
  const int count = NumberIn(TakeVariable("LISTEN_FDS"));
  ::unsetenv("LISTEN_FDNAMES");
  std::vector<UniqueFd> sockets;
  if (pid != ::getpid() || count > kMostDescriptors) return sockets;
  for (int fd = kFirstDescriptor; fd < kFirstDescriptor + count; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets.emplace_back(fd);
  }
  return sockets;
}

ServiceManager ServiceManager::FromEnvironment() {
  return ServiceManager(TakeVariable("NOTIFY_SOCKET"));
}

void ServiceManager::Tell(std::string_view news) const {
  union {
    sockaddr_un local;
    sockaddr any;
  } address{};
  const bool is_path = path_.starts_with('/') || path_.starts_with('@');
  if (!is_path || path_.size() >= sizeof address.local.sun_path) return;
  address.local.sun_family = AF_UNIX;
  std::memcpy(address.local.sun_path, path_.data(), path_.size());
  // A name without a file: it begins with a NUL, and ends with its length.
  if (path_.starts_with('@')) address.local.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.valid()) ::sendto(fd.get(), news.data(), news.size(), MSG_NOSIGNAL, &address.any, size);
}

}  // namespace veneer::api
