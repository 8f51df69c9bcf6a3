#include "app/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error_hint.h"
#include "base/size_text.h"

namespace veneer {

std::string RenderKeyValues(const KeyValues& pairs) {
  std::size_t width = 0;
  for (const auto& [key, value] : pairs) width = std::max(width, key.size());
  std::string text;
  for (const auto& [key, value] : pairs) {
    text += fmt::format("{:<{}}  {}\n", key, width, OneLine(value));
  }
  return text;
}

std::string RenderSize(Bytes size) {
  if (size < KiB(1)) return FormatSize(size);
  return fmt::format("{} ({} bytes)", FormatSize(size), size.value());
}

std::string OneLine(std::string_view text) {
  std::string line(text);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; };
  std::ranges::replace_if(line, is_control, '?');
  return line;
}

std::string RenderErrorLine(const Error& error) {
  return OneLine(fmt::format("veneer: {}; {}", error.what, HintOf(error))) + "\n";
}

std::string RenderJson(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

nlohmann::ordered_json ErrorJson(const Error& error) {
  nlohmann::ordered_json details;
  details["kind"] = KindName(error.kind);
  details["message"] = error.what;
  details["hint"] = HintOf(error);
  nlohmann::ordered_json json;
  json["error"] = std::move(details);
  return json;
}

Result<void> Print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    return FailErrno(errno, "write to standard output", "see where the output goes");
  }
  return {};
}

Result<void> PrintJson(const nlohmann::ordered_json& value) { return Print(RenderJson(value)); }

void PrintWarnings(const std::vector<std::string>& warnings, OutputStyle style) {
  if (style == OutputStyle::kJson) return;
  for (const std::string& each : warnings) {
    const std::string text = "veneer: warning: " + OneLine(each) + "\n";
    (void)std::fwrite(text.data(), 1, text.size(), stderr);
  }
}

int ReportError(const Error& error, OutputStyle style) {
  const std::string text =
      style == OutputStyle::kJson ? RenderJson(ErrorJson(error)) : RenderErrorLine(error);
  // There is nobody left to tell where stderr fails.
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  return ExitStatus(error.kind);
}

}  // namespace veneer
