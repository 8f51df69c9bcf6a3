#include "catalog/lookup.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "catalog/ids.h"

namespace veneer {
namespace {

constexpr std::size_t kNamed = 5;

}  // namespace

Error NoSuchObject(const ObjectKind& kind, std::string_view reference) {
  return {ErrorKind::kNotFound, 0, fmt::format("there is no {} \"{}\"", kind.noun, reference),
          fmt::format("see what there is: {}", kind.list_command)};
}

std::string Select(const ObjectKind& kind, std::string_view rest) {
  return fmt::format("SELECT {} FROM {} {}", kind.columns, kind.table, rest);
}

std::pair<std::string, std::string> IdRange(const ObjectKind& kind, std::string_view reference) {
  if (!reference.starts_with(kind.id_prefix)) return {};
  const std::string_view digits = reference.substr(kind.id_prefix.size());
  if (digits.empty() || !IsHex(digits)) return {};
  std::string first(reference);
  std::string behind = first + 'g';  // behind every hex digit
  return {std::move(first), std::move(behind)};
}

Error Ambiguous(const ObjectKind& kind, std::string_view reference,
                const std::vector<std::string>& names) {
  const std::span<const std::string> named(names.data(), std::min(names.size(), kNamed));
  return {ErrorKind::kUsage, 0,
          fmt::format("\"{}\" fits more than one {}: {}{}", reference, kind.noun,
                      fmt::join(named, ", "), names.size() > kNamed ? " and more" : ""),
          "give more of the id, or the name"};
}

}  // namespace veneer
