#include "app/events.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include "app/event_lines.h"
#include "app/output.h"
#include "backend/user/control_socket.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kLongestLine = std::size_t{64} << 10U;

// Lines of an answer, whose end is the end of the connection.
class Lines {
 public:
  explicit Lines(const UniqueFd& fd) : fd_(fd) {}

  // Nothing at the end. Without its line break, and the carriage return that HTTP puts before it.
  Result<std::optional<std::string>> Next() {
    std::size_t end = text_.find('\n');
    while (end == std::string::npos) {
      std::array<char, 4096> bytes{};
      const ssize_t got = ::read(fd_.get(), bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FailErrno(errno, "hear from the daemon");
      if (got == 0) return std::nullopt;
      text_.append(bytes.data(), static_cast<std::size_t>(got));
      if (text_.size() > kLongestLine) return FailErrno(EMSGSIZE, "hear from the daemon");
      end = text_.find('\n');
    }
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

 private:
  const UniqueFd& fd_;
  std::string text_;
};

Result<void> SkipHeaders(Lines& lines) {
  const auto status = VENEER_TRY(lines.Next());
  if (!status || !status->starts_with("HTTP/1.1 200 ")) {
    return Fail(ErrorKind::kFailed,
                fmt::format("the daemon answers: {}", status.value_or("nothing")),
                "see that daemon and command are of the same version");
  }
  for (auto line = status; line && !line->empty();) line = VENEER_TRY(lines.Next());
  return {};
}

}  // namespace

Result<int> RunEvents(const GlobalOptions& options, const EventsArguments& arguments) {
  const std::string path =
      arguments.connect.empty() ? options.run + "/api.sock" : arguments.connect;
  auto connection = ConnectTo(path);
  if (!connection && connection.error().kind == ErrorKind::kNotFound) {
    return Fail(ErrorKind::kNotFound, connection.error().what, "start one with 'veneer daemon'");
  }
  if (!connection) return Fail(connection.error());
  const std::string after =
      arguments.after.empty() ? "" : fmt::format("Last-Event-ID: {}\r\n", arguments.after);
  VENEER_TRY(SendLine(connection->fd,
                      fmt::format("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{}\r", after),
                      kPatience));
  Lines lines(connection->fd);
  VENEER_TRY(SkipHeaders(lines));
  EventLines events;
  for (auto line = VENEER_TRY(lines.Next()); line; line = VENEER_TRY(lines.Next())) {
    const auto printed = events.Take(*line, options.style);
    if (printed) VENEER_TRY(Print(*printed));
  }
  return 0;
}

}  // namespace veneer
