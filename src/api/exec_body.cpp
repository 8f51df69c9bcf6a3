#include "api/exec_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "api/body_reader.h"

namespace veneer::api {
namespace {

// A year: what a clock can be asked for without a thought.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
constexpr std::uint64_t kHighestSignal = 64;

Result<ExecRequest> RequestIn(const BodyReader& body) {
  ExecRequest request;
  request.argv = VENEER_TRY(body.DataList("argv"));
  request.environment = VENEER_TRY(body.Variables("env"));
  request.directory = VENEER_TRY(body.OptionalData("cwd")).value_or("");
  request.user = VENEER_TRY(body.OptionalText("user")).value_or("");
  request.output_limit = VENEER_TRY(body.OptionalSize("output_limit"));
  if (const auto timeout = VENEER_TRY(body.OptionalNumber("timeout_ms"))) {
    const auto most = static_cast<std::uint64_t>(kLongest.count());
    request.timeout = std::chrono::milliseconds(std::min(*timeout, most));
  }
  return request;
}

}  // namespace

Result<ExecBody> DecodeExec(std::string_view body) {
  const BodyReader reader = VENEER_TRY(
      BodyReader::Of(body, {"argv", "env", "cwd", "user", "timeout_ms", "output_limit", "input"}));
  ExecBody decoded{.request = VENEER_TRY(RequestIn(reader)),
                   .input = VENEER_TRY(reader.OptionalData("input")).value_or("")};
  auto& limit = decoded.request.output_limit;
  limit = limit.value_or(kDefaultExecOutput);
  if (*limit <= kMostExecOutput) return decoded;
  return Fail(ErrorKind::kUsage, "output_limit is too large for an answer",
              fmt::format("it is at most {}; a stream has no limit", kMostExecOutput.value()));
}

Result<ExecOpening> DecodeOpening(std::string_view message) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(
      message, {"argv", "env", "cwd", "user", "timeout_ms", "output_limit", "stdin"}));
  const bool input = VENEER_TRY(reader.OptionalFlag("stdin")).value_or(false);
  return ExecOpening{.request = VENEER_TRY(RequestIn(reader)),
                     .input = input ? ExecInput::kFollows : ExecInput::kNone};
}

Result<int> DecodeSignal(std::string_view message) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(message, {"signal"}));
  const auto number = VENEER_TRY(reader.OptionalNumber("signal"));
  if (number && *number <= kHighestSignal) return static_cast<int>(*number);
  return Fail(ErrorKind::kUsage, "a message names no signal",
              "while a command runs: {\"signal\":15}, a number from 1 to 64");
}

Result<std::string_view> DecodeInput(std::string_view message) {
  if (message.starts_with(kInputTag)) return message.substr(1);
  return Fail(ErrorKind::kUsage, "a binary message is no piece of stdin",
              "its first byte is 0; no more bytes are the end of stdin");
}

}  // namespace veneer::api
