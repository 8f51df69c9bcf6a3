// Options that every command takes, before or after its name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace veneer {

enum class OutputStyle : std::uint8_t { kText, kJson };

struct GlobalOptions {
  OutputStyle style = OutputStyle::kText;
  std::string root = "/var/lib/veneer";  // state
  std::string run = "/run/veneer";       // sockets and mounts
  LogLevel log_level = LogLevel::kOff;   // what is told on stderr of what is done
};

// A command that was parsed and waits to be run: yields the exit status.
using Command = std::function<Result<int>(const GlobalOptions&)>;

}  // namespace veneer
