#include "backend/dm/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace veneer::dm {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::string_view kOriginMark = "origin:";

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool MayFollow(char c) { return IsLetterOrDigit(c) || c == '.' || c == '_' || c == '-'; }

}  // namespace

Result<void> RequireDiskName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kLongestName && IsLetterOrDigit(name.front()) &&
                    std::ranges::all_of(name, MayFollow);
  if (fits) return {};
  return Fail(ErrorKind::kUsage, fmt::format("'{}' is no name for a disk", name),
              "use 1 to 63 of a-z, 0-9, '.', '_' and '-', a letter or a digit first");
}

std::string UuidPrefix(std::string_view instance) { return fmt::format("VENEER-{}-", instance); }

DeviceNames NamesOfDisk(std::string_view instance, std::string_view disk) {
  return {.name = fmt::format("veneer-{}", disk),
          .uuid = fmt::format("{}{}", UuidPrefix(instance), disk)};
}

DeviceNames NamesOfOrigin(std::string_view instance, unsigned loop, Sectors length) {
  const std::string id = fmt::format("{}{}:{}", kOriginMark, loop, length.value());
  return {.name = fmt::format("veneer-{}", id),
          .uuid = fmt::format("{}{}", UuidPrefix(instance), id)};
}

std::optional<std::string> DiskOfUuid(std::string_view instance, std::string_view uuid) {
  const std::string prefix = UuidPrefix(instance);
  if (!uuid.starts_with(prefix) || IsOriginUuid(instance, uuid)) return std::nullopt;
  return std::string(uuid.substr(prefix.size()));
}

bool IsOriginUuid(std::string_view instance, std::string_view uuid) {
  return uuid.starts_with(UuidPrefix(instance) + std::string(kOriginMark));
}

}  // namespace veneer::dm
