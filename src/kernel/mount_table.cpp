#include "kernel/mount_table.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace veneer {
namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

std::string Unescape(std::string_view field) {
  std::string out;
  out.reserve(field.size());
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escape = field[i] == '\\' && field.size() - i > 3 && IsOctal(field[i + 1]) &&
                        IsOctal(field[i + 2]) && IsOctal(field[i + 3]);
    if (!escape) {
      out += field[i];
      continue;
    }
    const int value = (field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0');
    out += static_cast<char>(value);
    i += 3;
  }
  return out;
}

// Cuts the first word off `rest`; empty at the end.
std::string_view NextWord(std::string_view& rest) {
  const std::size_t begin = std::min(rest.find_first_not_of(' '), rest.size());
  rest.remove_prefix(begin);
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

template <class Number>
std::optional<Number> ParseNumber(std::string_view word) {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::optional<dev_t> ParseDevice(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto major_number = ParseNumber<unsigned>(word.substr(0, colon));
  const auto minor_number = ParseNumber<unsigned>(word.substr(colon + 1));
  if (!major_number || !minor_number) return std::nullopt;
  return makedev(*major_number, *minor_number);
}

std::optional<MountEntry> ParseLine(std::string_view line) {
  const auto id = ParseNumber<std::uint64_t>(NextWord(line));
  const auto parent = ParseNumber<std::uint64_t>(NextWord(line));
  const auto device = ParseDevice(NextWord(line));
  if (!id || !parent || !device) return std::nullopt;
  MountEntry entry;
  entry.id = *id;
  entry.parent = *parent;
  entry.device = *device;
  entry.root = Unescape(NextWord(line));
  entry.path = Unescape(NextWord(line));
  NextWord(line);  // options of the mount point
  std::string_view word = NextWord(line);
  while (!word.empty() && word != "-") word = NextWord(line);
  entry.type = Unescape(NextWord(line));
  if (word.empty() || entry.path.empty() || entry.type.empty()) return std::nullopt;
  entry.source = Unescape(NextWord(line));  // may be empty: two spaces follow each other then
  return entry;
}

}  // namespace

std::vector<MountEntry> ParseMountTable(std::string_view text) {
  std::vector<MountEntry> table;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto entry = ParseLine(text.substr(0, end))) table.push_back(*std::move(entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return table;
}

const MountEntry* MountAt(std::span<const MountEntry> table, std::string_view path) {
  const MountEntry* top = nullptr;
  for (const MountEntry& entry : table) {
    if (entry.path != path) continue;
    // A mount that covers another has it as its parent; the order of lines says nothing.
    const bool covered = std::ranges::any_of(table, [&](const MountEntry& other) {
      return other.path == path && other.parent == entry.id && other.id != entry.id;
    });
    if (!covered) top = &entry;
  }
  return top;
}

}  // namespace veneer
