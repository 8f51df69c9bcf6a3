#include "vm/qemu/json_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/linux/unix_socket.h"

namespace veneer {
namespace {

// A guest may send lines without end while we wait for one of them.
constexpr std::size_t kMostMessages = 1000;

}  // namespace

Result<void> WaitUntilReady(const UniqueFd& fd, short events,
                            std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd poll{.fd = fd.get(), .events = events, .revents = 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return {};
    if (ready == 0) return FailErrno(ETIMEDOUT, "wait for an answer");
    if (errno != EINTR) return FailErrno(errno, "wait for an answer");
  }
}

Result<JsonChannel> JsonChannel::Connect(const std::string& path) {
  return JsonChannel(VENEER_TRY(ConnectToUnix(path)));
}

Result<void> JsonChannel::Send(const nlohmann::json& message, Clock::time_point deadline,
                               std::string_view prefix, const UniqueFd* file) {
  const std::string text = std::string(prefix) +
                           message.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
                           "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    VENEER_TRY(WaitUntilReady(fd_, POLLOUT, deadline));
    iovec part{.iov_base = const_cast<char*>(rest.data()), .iov_len = rest.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (file != nullptr) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* const first = CMSG_FIRSTHDR(&header);
      first->cmsg_level = SOL_SOCKET;
      first->cmsg_type = SCM_RIGHTS;
      first->cmsg_len = CMSG_LEN(sizeof(int));
      const int number = file->get();
      std::memcpy(CMSG_DATA(first), &number, sizeof number);
    }
    const ssize_t n = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return FailErrno(errno, "send a message");
    if (n <= 0) continue;
    rest.remove_prefix(static_cast<std::size_t>(n));
    file = nullptr;  // it went with the first byte
  }
  return {};
}

Result<void> JsonChannel::ReadSome(Clock::time_point deadline) {
  std::array<char, 16384> buffer{};
  VENEER_TRY(WaitUntilReady(fd_, POLLIN, deadline));
  const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
  if (n < 0 && errno != EINTR) return FailErrno(errno, "receive a message");
  if (n == 0) return FailErrno(EPIPE, "receive a message");
  if (n > 0) lines_.Add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  return {};
}

Result<std::string> JsonChannel::ReceiveLine(Clock::time_point deadline) {
  while (true) {
    auto line = VENEER_TRY(lines_.Next());
    if (line) return *std::move(line);
    VENEER_TRY(ReadSome(deadline));
  }
}

Result<VmMessage> JsonChannel::Receive(Clock::time_point deadline) {
  return DecodeMessage(VENEER_TRY(ReceiveLine(deadline)));
}

Result<nlohmann::json> JsonChannel::ReceiveAnswer(Clock::time_point deadline) {
  for (std::size_t n = 0; n < kMostMessages; ++n) {
    VmMessage message = VENEER_TRY(Receive(deadline));
    if (message.kind == VmMessage::Kind::kReturn) return std::move(message.value);
    if (message.kind == VmMessage::Kind::kError) {
      return Fail(ErrorKind::kFailed, std::move(message.error));
    }
  }
  return Fail(ErrorKind::kCorrupt, "a flood of messages, and no answer among them");
}

}  // namespace veneer
