#include "base/log.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace veneer {
namespace {

constexpr std::array kLevels = {
    std::pair(std::string_view("debug"), LogLevel::kDebug),
    std::pair(std::string_view("info"), LogLevel::kInfo),
    std::pair(std::string_view("warning"), LogLevel::kWarning),
    std::pair(std::string_view("error"), LogLevel::kError),
    std::pair(std::string_view("off"), LogLevel::kOff),
};

// Thousandths are as exact as the clock is worth.
double Rounded(double milliseconds) { return std::round(milliseconds * 1000) / 1000; }

}  // namespace

Result<LogLevel> LogLevelNamed(std::string_view name) {
  for (const auto& [known, level] : kLevels) {
    if (name == known) return level;
  }
  return Fail(ErrorKind::kUsage, fmt::format("no log level is called '{}'", name),
              "choose debug, info, warning, error or off");
}

LogLevel LevelOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUsage:
    case ErrorKind::kNotFound:
    case ErrorKind::kConflict:
    case ErrorKind::kUnsupported:
      return LogLevel::kWarning;
    case ErrorKind::kNoSpace:
    case ErrorKind::kCorrupt:
    case ErrorKind::kFailed:
      break;
  }
  return LogLevel::kError;
}

std::string LogFields(const LogEvent& event) {
  nlohmann::ordered_json json;
  json["verb"] = event.verb;
  if (!event.object.empty()) json["object"] = event.object;
  if (!event.step.empty()) json["step"] = event.step;
  if (event.took) json["ms"] = Rounded(event.took->count());
  json["outcome"] = event.outcome;
  if (!event.detail.empty()) json["detail"] = event.detail;
  const std::string text =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

}  // namespace veneer
