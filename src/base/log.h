// What operations tell of themselves: events, and the port to where they go.
//
// An event says what is done to what, how long it took and how it ended. It never holds data of a
// guest, nor a secret. To log never fails what is logged: a Log that cannot write drops the event.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace veneer {

enum class LogLevel : std::uint8_t {
  kDebug,    // each step
  kInfo,     // each verb
  kWarning,  // one that was refused
  kError,    // one that failed
  kOff,      // of no event: nothing is wanted
};

// kUsage unless it is "debug", "info", "warning", "error" or "off".
Result<LogLevel> LogLevelNamed(std::string_view name);

// The level of something that ended this way.
LogLevel LevelOf(const Error& error);

struct LogEvent {
  LogLevel level = LogLevel::kInfo;
  std::string_view verb;      // "create"
  std::string_view object{};  // an id, or what the user typed
  std::string_view step{};    // empty: the verb as a whole
  std::optional<std::chrono::duration<double, std::milli>> took{};
  std::string_view outcome = "done";  // or the kind of the error
  std::string_view detail{};          // what the error says
};

class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log() = default;

  // Any thread. Blocks as a write without a sync does.
  virtual void Write(const LogEvent& event) noexcept = 0;
};

// The members of the event as JSON, without the braces around them and without those that are
// empty: "verb":"create","object":"sb-1f…","ms":2.5,"outcome":"done". One line, whatever is in it.
std::string LogFields(const LogEvent& event);

}  // namespace veneer
