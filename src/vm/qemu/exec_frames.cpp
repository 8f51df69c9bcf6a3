#include "vm/qemu/exec_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "vm/qemu/message.h"

namespace veneer {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::size_t kLengthBytes = 4;
// What may be left of another command: a port's buffers, and the guest's queue.
constexpr std::size_t kMostPassedOver = std::size_t{16} << 20U;
constexpr int kHighestStatus = 255;
constexpr int kHighestSignal = 64;

std::string EncodeLength(std::size_t length) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((length >> static_cast<unsigned>(shift)) & 0xffU);
  }
  return bytes;
}

// Precondition: four bytes are there.
std::size_t DecodeLength(std::string_view bytes) {
  std::size_t length = 0;
  for (const char c : bytes.substr(0, kLengthBytes)) {
    length = (length << 8U) | static_cast<unsigned char>(c);
  }
  return length;
}

std::unexpected<Error> NoFrame(std::string_view what) {
  return Fail(ErrorKind::kCorrupt, fmt::format("what the guest sends is no {}", what));
}

bool HasNul(const std::string& text) { return text.contains('\0'); }

}  // namespace

std::string EncodeFrame(char type, std::string_view payload) {
  std::string frame(1, type);
  frame += EncodeLength(payload.size());
  frame += payload;
  return frame;
}

std::string EncodeList(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    bytes += EncodeLength(text.size());
    bytes += text;
  }
  return bytes;
}

Result<std::vector<std::string>> DecodeList(std::string_view bytes) {
  std::vector<std::string> texts;
  while (!bytes.empty()) {
    if (bytes.size() < kLengthBytes) return NoFrame("list");
    const std::size_t length = DecodeLength(bytes);
    bytes.remove_prefix(kLengthBytes);
    if (length > bytes.size()) return NoFrame("list");
    texts.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return texts;
}

Result<std::string> EncodeRun(const ExecRequest& request, std::string_view nonce) {
  std::vector<std::string> texts{std::string(nonce), request.user, request.directory,
                                 std::to_string(request.argv.size())};
  texts.insert(texts.end(), request.argv.begin(), request.argv.end());
  texts.insert(texts.end(), request.environment.begin(), request.environment.end());
  const bool empty = request.argv.empty() || request.argv.front().empty();
  if (empty) return Fail(ErrorKind::kUsage, "no command is named");
  if (std::any_of(texts.begin() + 1, texts.end(), HasNul)) {
    return Fail(ErrorKind::kUsage, "an argument of a command cannot hold a NUL byte");
  }
  const auto no_name = [](const std::string& text) { return text.find('=') == 0; };
  const auto no_value = [](const std::string& text) { return !text.contains('='); };
  if (std::ranges::any_of(request.environment, no_name) ||
      std::ranges::any_of(request.environment, no_value)) {
    return Fail(ErrorKind::kUsage, "a variable of the environment is NAME=value");
  }
  const std::string list = EncodeList(texts);
  if (list.size() > kLongestFrame) {
    return Fail(ErrorKind::kUsage, fmt::format("the command is too long: {} bytes", list.size()),
                fmt::format("arguments and environment have {} bytes at most; give more as stdin",
                            kLongestFrame));
  }
  return EncodeFrame('R', list);
}

ExecFrameReader::ExecFrameReader(std::string_view nonce) : start_(EncodeFrame('S', nonce)) {}

// Whether it has begun. Before that all but the last few bytes can be dropped.
Result<bool> ExecFrameReader::FindStart() {
  if (start_.empty()) return true;
  const std::size_t at = bytes_.find(start_);
  if (at != std::string::npos) {
    bytes_.erase(0, at);
    start_.clear();
    return true;
  }
  if (bytes_.size() >= start_.size()) {
    const std::size_t dropped = bytes_.size() - start_.size() + 1;
    bytes_.erase(0, dropped);
    passed_over_ += dropped;
  }
  if (passed_over_ > kMostPassedOver) return NoFrame("answer");
  return false;
}

Result<std::optional<ExecFrame>> ExecFrameReader::Next() {
  if (!VENEER_TRY(FindStart())) return std::optional<ExecFrame>();
  if (bytes_.size() < kHeader) return std::optional<ExecFrame>();
  const std::size_t length = DecodeLength(std::string_view(bytes_).substr(1));
  constexpr std::string_view kTypes = "S12AX";
  if (length > kLongestFrame || !kTypes.contains(bytes_.front())) return NoFrame("frame");
  if (bytes_.size() < kHeader + length) return std::optional<ExecFrame>();
  ExecFrame frame{.type = bytes_.front(), .payload = bytes_.substr(kHeader, length)};
  bytes_.erase(0, kHeader + length);
  return std::optional(std::move(frame));
}

std::optional<std::uint64_t> DecodeNumber(std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && number <= most ? std::optional(number) : std::nullopt;
}

Result<ExecEnd> DecodeEnd(std::string_view payload) {
  const std::vector<std::string> list = VENEER_TRY(DecodeList(payload));
  if (list.size() != 3) return NoFrame("end of a command");
  const auto number = DecodeNumber(list[1], kHighestStatus);
  if (!number) return NoFrame("end of a command");
  if (list[0] == "failed") return Fail(ErrorKind::kNotFound, Printable(list[2]));
  ExecEnd end{.number = static_cast<int>(*number)};
  if (list[0] == "exit") return end;
  if (list[0] != "signal" || end.number == 0 || end.number > kHighestSignal) {
    return NoFrame("end of a command");
  }
  end.outcome = ExecOutcome::kSignalled;
  return end;
}

}  // namespace veneer
