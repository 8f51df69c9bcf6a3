#include "base/size_text.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cstdint>
#include <limits>

namespace veneer {
namespace {

constexpr std::string_view kUnits = "KMGTP";
constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();

std::unexpected<Error> NotASize(std::string_view text, std::string_view why) {
  return Fail(ErrorKind::kUsage, fmt::format("'{}' is not a size: {}", text, why),
              "write a positive number of bytes, or a number with K, M, G, T or P: 4K, 2G");
}

// The shift of a unit ("k", "KiB", ""), or -1.
int ShiftOf(std::string_view unit) {
  if (unit.empty() || unit == "B" || unit == "b") return 0;
  const auto letter = static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0])));
  const std::size_t at = kUnits.find(letter);
  if (at == std::string_view::npos) return -1;
  const std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "B" && rest != "b" && rest != "iB" && rest != "ib") return -1;
  return 10 * (static_cast<int>(at) + 1);
}

}  // namespace

Result<Bytes> ParseSize(std::string_view text) {
  std::uint64_t number = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    if (number > (kLargest - digit) / 10) return NotASize(text, "it is too large");
    number = number * 10 + digit;
  }
  if (at == 0) return NotASize(text, "it does not begin with a digit");
  const int shift = ShiftOf(text.substr(at));
  if (shift < 0) return NotASize(text, fmt::format("'{}' is no unit", text.substr(at)));
  if (number == 0) return NotASize(text, "it is zero");
  if (number > (kLargest >> static_cast<unsigned>(shift))) {
    return NotASize(text, "it is too large");
  }
  return Bytes(number << static_cast<unsigned>(shift));
}

std::string FormatSize(Bytes size) {
  if (size < KiB(1)) return fmt::format("{} B", size.value());
  auto value = static_cast<double>(size.value());
  std::size_t unit = 0;
  value /= 1024;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}iB", value, value < 9.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace veneer
