// GuestAgent: qemu-guest-agent, which runs in the guest and may answer anything or nothing.
//
// Blocks up to the patience of each call; one thread. One client at a time: others wait.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "vm/qemu/json_channel.h"

namespace veneer {

class GuestAgent {
 public:
  // Returns when it answers; asked again now and then, for what is said before it listens is lost.
  // `check`: called between; its error ends the wait. kFailed with ETIMEDOUT: it did not answer.
  static Result<GuestAgent> Connect(const std::string& path, std::chrono::milliseconds patience,
                                    const std::function<Result<void>()>& check = {});

  Result<nlohmann::json> Run(const std::string& command, nlohmann::json arguments,
                             std::chrono::milliseconds patience);

 private:
  explicit GuestAgent(JsonChannel channel) : channel_(std::move(channel)) {}
  Result<void> Sync(std::uint32_t number, JsonChannel::Clock::time_point deadline);

  JsonChannel channel_;
};

}  // namespace veneer
