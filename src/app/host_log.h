// HostLog: the log of a state directory, and of the command at hand on standard error.
//
// Each event is one line of JSON: time (UTC), pid, level, and what LogFields yields. The file has
// all of them (LogFile says how it is bounded and shared); standard error, those of a level and
// above. spdlog orders them; its headers stay in host_log.cpp.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"

namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): the library's name
}

namespace veneer {

class HostLog final : public Log {
 public:
  // `file` is made by the first event. `to_stderr`: kOff for none.
  HostLog(const std::string& file, LogLevel to_stderr);

  void Write(const LogEvent& event) noexcept override;

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace veneer
