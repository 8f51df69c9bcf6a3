#include "vm/qemu/exec_session.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "vm/qemu/exec_frames.h"

namespace veneer {
namespace {

using Clock = std::chrono::steady_clock;

// For the guest to take the command: one that swaps, or is emulated on a busy host, is slow; one
// that is emulated in an emulated guest has taken more than a minute.
constexpr std::chrono::minutes kStartPatience{3};
// From a kill to the end.
constexpr std::chrono::seconds kKillPatience{10};
constexpr std::chrono::milliseconds kTick{200};
constexpr std::size_t kNonceSize = 16;
constexpr std::size_t kPiece = 32768;

Result<std::string> NewNonce() {
  std::string nonce(kNonceSize, '\0');
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    return FailErrno(errno, "get random bytes");
  }
  return nonce;
}

class Session {
 public:
  Session(const UniqueFd& port, const ExecRequest& request, std::string_view nonce)
      : port_(port), request_(request), frames_(nonce) {}

  Result<OverPort> Run(std::string first_bytes);

 private:
  Result<void> Wait();
  Result<void> Send();
  Result<void> Receive();
  Result<void> ReadInput();
  Result<void> OnFrame(const ExecFrame& frame);
  Result<void> OnOutput(ExecStream stream, std::string_view text);
  Result<void> OnClock();
  [[nodiscard]] bool WantsInput() const;

  const UniqueFd& port_;
  const ExecRequest& request_;
  ExecFrameReader frames_;
  Clock::time_point begin_ = Clock::now();
  std::string to_send_;
  std::size_t in_flight_ = 0;  // bytes of stdin that the guest has not taken yet
  bool input_open_ = false;
  bool started_ = false;
  bool input_readable_ = false;
  bool port_readable_ = false;
  std::optional<Clock::time_point> killed_;
  std::uint64_t heard_ = 0;
  Bytes dropped_;
  std::optional<Result<ExecEnd>> end_;
};

bool Session::WantsInput() const {
  return input_open_ && started_ && in_flight_ + kPiece <= kInputWindow;
}

Result<void> Session::Wait() {
  const auto port_events = static_cast<short>(to_send_.empty() ? POLLIN : POLLIN | POLLOUT);
  std::array<pollfd, 2> polled{
      pollfd{.fd = port_.get(), .events = port_events, .revents = 0},
      pollfd{.fd = WantsInput() ? request_.input : -1, .events = POLLIN, .revents = 0}};
  const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(kTick.count()));
  if (ready < 0 && errno != EINTR) return FailErrno(errno, "wait for the guest");
  port_readable_ = ready > 0 && (polled[0].revents & ~POLLOUT) != 0;
  input_readable_ = ready > 0 && polled[1].revents != 0;
  return {};
}

Result<void> Session::Send() {
  if (to_send_.empty()) return {};
  const ssize_t n =
      ::send(port_.get(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && errno != EAGAIN && errno != EINTR) return FailErrno(errno, "send to the guest");
  if (n > 0) to_send_.erase(0, static_cast<std::size_t>(n));
  return {};
}

Result<void> Session::ReadInput() {
  if (!input_readable_) return {};
  std::string piece(kPiece, '\0');
  const ssize_t n = ::read(request_.input, piece.data(), piece.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (n < 0) return FailErrno(errno, "read the command's input");
  piece.resize(static_cast<std::size_t>(n));
  in_flight_ += piece.size();
  input_open_ = !piece.empty();
  to_send_ += EncodeFrame(piece.empty() ? 'E' : 'I', piece);
  return {};
}

Result<void> Session::OnOutput(ExecStream stream, std::string_view text) {
  if (request_.output_limit) {
    const std::uint64_t room = request_.output_limit->value() - heard_;
    const std::string_view kept = text.substr(0, std::min<std::uint64_t>(room, text.size()));
    dropped_ += Bytes(text.size() - kept.size());
    text = kept;
  }
  heard_ += text.size();
  if (text.empty() || !request_.output) return {};
  return request_.output(stream, text);
}

Result<void> Session::OnFrame(const ExecFrame& frame) {
  switch (frame.type) {
    case '1':
      return OnOutput(ExecStream::kOutput, frame.payload);
    case '2':
      return OnOutput(ExecStream::kErrors, frame.payload);
    case 'A': {
      const auto taken = DecodeNumber(frame.payload, in_flight_);
      if (!taken) return Fail(ErrorKind::kCorrupt, "the guest takes more input than it was given");
      in_flight_ -= *taken;
      return {};
    }
    case 'X':
      end_ = DecodeEnd(frame.payload);
      return {};
    default:
      started_ = true;
      return {};
  }
}

Result<void> Session::Receive() {
  if (!port_readable_) return {};
  std::array<char, 65536> buffer{};
  const ssize_t n = ::recv(port_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (n < 0) return FailErrno(errno, "listen to the guest");
  if (n == 0) return FailErrno(EPIPE, "listen to the guest", "its machine has ended or was paused");
  frames_.Add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  while (!end_) {
    const auto frame = VENEER_TRY(frames_.Next());
    if (!frame) return {};
    VENEER_TRY(OnFrame(*frame));
  }
  return {};
}

Result<void> Session::OnClock() {
  if (request_.check) VENEER_TRY(request_.check());
  // One that comes before the command is there would be lost.
  if (request_.signal && started_) {
    if (const auto number = request_.signal())
      to_send_ += EncodeFrame('K', std::to_string(*number));
  }
  const auto now = Clock::now();
  if (!started_ && now - begin_ > kStartPatience) {
    return FailErrno(ETIMEDOUT, "wait for the guest to run the command",
                     "'veneer logs' shows its console; it may be stuck");
  }
  if (request_.timeout && !killed_ && now - begin_ >= *request_.timeout) {
    killed_ = now;
    to_send_ += EncodeFrame('K', std::to_string(SIGKILL));
  }
  // It does not even get killed: whoever lets go of the port ends it, too.
  if (killed_ && now - *killed_ > kKillPatience) end_ = ExecEnd{};
  return {};
}

Result<OverPort> Session::Run(std::string first_bytes) {
  to_send_ = std::move(first_bytes);
  input_open_ = request_.input >= 0;
  if (!input_open_) to_send_ += EncodeFrame('E', "");
  while (!end_) {
    VENEER_TRY(Wait());
    VENEER_TRY(Send());
    VENEER_TRY(ReadInput());
    VENEER_TRY(Receive());
    if (!end_) VENEER_TRY(OnClock());
  }
  if (!*end_) return Fail((*end_).error());
  ExecEnd end = **end_;
  if (killed_) end.outcome = ExecOutcome::kTimedOut;
  end.dropped = dropped_;
  end.took = Clock::now() - begin_;
  // A command may end before it has read its input: the guest may then have half of a frame.
  const bool clean = !killed_ && to_send_.empty() && in_flight_ == 0;
  return OverPort{.end = end, .left = clean ? PortState::kClean : PortState::kUnknown};
}

}  // namespace

Result<OverPort> RunOverPort(const UniqueFd& port, PortState state, const ExecRequest& request) {
  const std::string nonce = VENEER_TRY(NewNonce());
  // More than a frame can have left.
  const std::size_t padding = state == PortState::kClean ? 0 : kLongestFrame + 16;
  const std::string run = VENEER_TRY(EncodeRun(request, nonce));
  return Session(port, request, nonce).Run(std::string(padding, '\0') + run);
}

}  // namespace veneer
