#include "export/nbd/send_buffers.h"

#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace veneer {
namespace {

constexpr int kReplies = 2 << 20;  // bytes; two of the largest requests that clients make

std::optional<int> SocketOption(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &size) != 0) return std::nullopt;
  return value;
}

bool IsConnectionWith(int fd, pid_t peer) {
  if (SocketOption(fd, SO_DOMAIN) != AF_UNIX || SocketOption(fd, SO_ACCEPTCONN) != 0) return false;
  struct ucred other{};
  socklen_t size = sizeof other;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 && other.pid == peer;
}

}  // namespace

void WidenSendBuffers(pid_t peer) {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (!IsConnectionWith(fd, peer)) continue;
    // Beyond the host's limit where this may go there.
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kReplies, sizeof kReplies) == 0) continue;
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kReplies, sizeof kReplies);
  }
}

}  // namespace veneer
