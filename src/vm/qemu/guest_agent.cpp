#include "vm/qemu/guest_agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

namespace veneer {
namespace {

using Clock = JsonChannel::Clock;
using Json = nlohmann::json;

constexpr std::chrono::seconds kAskAgain{5};
constexpr std::size_t kMostAnswers = 1000;

bool IsNumber(const Result<VmMessage>& message, std::uint32_t number) {
  return message && message->kind == VmMessage::Kind::kReturn && message->value.is_number() &&
         message->value == number;
}

}  // namespace

// Passes over what was meant for others, and what is no message at all, until its number comes.
Result<void> GuestAgent::Sync(std::uint32_t number, Clock::time_point deadline) {
  const Json message{{"execute", "guest-sync-delimited"}, {"arguments", {{"id", number}}}};
  // The byte makes the agent forget half of a command that somebody left.
  VENEER_TRY(channel_.Send(message, deadline, "\xff"));
  for (std::size_t n = 0; n < kMostAnswers; ++n) {
    const std::string line = VENEER_TRY(channel_.ReceiveLine(deadline));
    if (IsNumber(DecodeMessage(line), number)) return {};
  }
  return Fail(ErrorKind::kCorrupt, "the guest's agent sends a flood of messages");
}

Result<GuestAgent> GuestAgent::Connect(const std::string& path, std::chrono::milliseconds patience,
                                       const std::function<Result<void>()>& check) {
  GuestAgent agent(VENEER_TRY(JsonChannel::Connect(path)));
  const auto deadline = Clock::now() + patience;
  std::random_device random;
  while (true) {
    const Result<void> synced = agent.Sync(random(), std::min(deadline, Clock::now() + kAskAgain));
    if (synced) return agent;
    const bool again = synced.error().os_errno == ETIMEDOUT && Clock::now() < deadline;
    if (!again) return Fail(InContext(synced.error(), "the guest's agent"));
    if (check) VENEER_TRY(check());
  }
}

Result<Json> GuestAgent::Run(const std::string& command, Json arguments,
                             std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  Json message{{"execute", command}};
  if (!arguments.is_null()) message["arguments"] = std::move(arguments);
  VENEER_TRY(channel_.Send(message, deadline));
  auto answer = channel_.ReceiveAnswer(deadline);
  if (!answer) return Fail(InContext(answer.error(), fmt::format("the guest's {}", command)));
  return answer;
}

}  // namespace veneer
