#include "sandbox/exec_json.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

namespace veneer {
namespace {

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    std::uint32_t bits = 0;
    for (std::size_t n = 0; n < 3; ++n) {
      bits = (bits << 8U) | (n < bytes.size() ? static_cast<unsigned char>(bytes[n]) : 0U);
    }
    for (std::size_t n = 0; n < 4; ++n) {
      text += n <= bytes.size() ? kLetters[(bits >> (18 - 6 * n)) & 63U] : '=';
    }
  }
  return text;
}

}  // namespace

nlohmann::ordered_json ExecEndJson(const ExecEnd& end) {
  nlohmann::ordered_json json;
  json["status"] = ShellStatus(end);
  json["signal"] = end.outcome == ExecOutcome::kSignalled ? nlohmann::ordered_json(end.number)
                                                          : nlohmann::ordered_json();
  json["timed_out"] = end.outcome == ExecOutcome::kTimedOut;
  json["dropped_bytes"] = end.dropped.value();
  json["elapsed_ms"] = end.took.count();
  return json;
}

nlohmann::ordered_json OutputJson(const std::string& bytes) {
  nlohmann::ordered_json json = bytes;
  try {
    [[maybe_unused]] const std::string text = json.dump();  // throws where it is no UTF-8
    return json;
  } catch (const nlohmann::json::exception&) {
    return {{"base64", Base64(bytes)}};
  }
}

}  // namespace veneer
