// JsonChannel: commands and answers over a unix socket, for QMP and the guest's agent.
//
// Every wait has a deadline, and what is read for one answer is bounded: kFailed with ETIMEDOUT, or
// kCorrupt. One thread. The other end serves one client at a time: an object of this class keeps
// all others waiting.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vm/qemu/message.h"

namespace veneer {

class JsonChannel {
 public:
  using Clock = std::chrono::steady_clock;

  // kNotFound where nobody listens.
  static Result<JsonChannel> Connect(const std::string& path);
  explicit JsonChannel(UniqueFd fd) : fd_(std::move(fd)) {}

  // `prefix`: bytes before the message; `file`: an open file that goes with it.
  Result<void> Send(const nlohmann::json& message, Clock::time_point deadline,
                    std::string_view prefix = {}, const UniqueFd* file = nullptr);

  // The next line that is a message; what is none is an error.
  Result<VmMessage> Receive(Clock::time_point deadline);

  // The next line, whatever it is.
  Result<std::string> ReceiveLine(Clock::time_point deadline);

  // The answer to what was sent: others are passed over. What the other end says is the error.
  Result<nlohmann::json> ReceiveAnswer(Clock::time_point deadline);

 private:
  Result<void> ReadSome(Clock::time_point deadline);

  UniqueFd fd_;
  LineBuffer lines_;
};

// Until `fd` is ready for `events`. kFailed with ETIMEDOUT at the deadline.
Result<void> WaitUntilReady(const UniqueFd& fd, short events,
                            std::chrono::steady_clock::time_point deadline);

}  // namespace veneer
