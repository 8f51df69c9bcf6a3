#include "catalog/ids.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace veneer {
namespace {

constexpr std::size_t kDigits = 8;
constexpr std::size_t kLongestName = 63;

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool MayBeInName(char c) { return IsLetterOrDigit(c) || c == '.' || c == '_' || c == '-'; }

}  // namespace

bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(std::string_view text, std::string_view prefix) {
  return text.size() == prefix.size() + kDigits && text.starts_with(prefix) &&
         IsHex(text.substr(prefix.size()));
}

Result<std::string> NewId(std::string_view prefix) {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    return FailErrno(errno, "get random bytes");
  }
  return fmt::format("{}{:08x}", prefix, number);
}

Result<void> RequireName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kLongestName && IsLetterOrDigit(name.front()) &&
                    std::ranges::all_of(name, MayBeInName);
  if (!fits) {
    return Fail(ErrorKind::kUsage, fmt::format("\"{}\" is no name", name),
                "a name has 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or "
                "digit");
  }
  if (IsId(name, kSandboxPrefix) || IsId(name, kTemplatePrefix)) {
    return Fail(ErrorKind::kUsage, fmt::format("the name {} looks like an id", name),
                "choose another name");
  }
  return {};
}

}  // namespace veneer
