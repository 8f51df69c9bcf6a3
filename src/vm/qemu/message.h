// Messages of QMP and of the guest's agent: one JSON object a line.
//
//   {"return": …}                              what a command gave
//   {"error": {"class": …, "desc": "…"}}       that it failed
//   {"event": "STOP", …}, {"QMP": …}           what nobody asked for
//
// The agent is in the guest: its lines are hostile. Decoders are total; a line of more than 256
// KiB, or one that nests deeper than 32, is kCorrupt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace veneer {

struct VmMessage {
  enum class Kind : std::uint8_t { kReturn, kError, kOther } kind = Kind::kOther;
  nlohmann::json value{};  // kReturn
  std::string error{};     // kError: for people, on one line
};

Result<VmMessage> DecodeMessage(std::string_view line);

// Cuts a stream into lines. Bytes before a 0xff are dropped with it: the agent's mark that its
// answer begins anew.
class LineBuffer {
 public:
  static constexpr std::size_t kLongest = std::size_t{256} << 10U;

  void Add(std::string_view bytes) { bytes_ += bytes; }

  // The next line, without its break; nothing where none is whole. kCorrupt: it would be too long.
  Result<std::optional<std::string>> Next();

 private:
  std::string bytes_;
};

// The text without control characters, and not longer than a line should be.
std::string Printable(std::string_view text);

}  // namespace veneer
