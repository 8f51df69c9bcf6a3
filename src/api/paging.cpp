#include "api/paging.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace veneer::api {
namespace {

constexpr std::size_t kMost = 1000;

}  // namespace

Result<Paging> PagingIn(const Target& target) {
  Paging paging;
  const auto after = target.query.find("after");
  if (after != target.query.end()) paging.after = after->second;
  const auto limit = target.query.find("limit");
  if (limit == target.query.end()) return paging;
  const std::string& text = limit->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), paging.limit);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && paging.limit >= 1 && paging.limit <= kMost) return paging;
  return Fail(ErrorKind::kUsage, "limit is no number of elements",
              fmt::format("it is from 1 to {}", kMost));
}

std::string CursorOf(const SandboxRecord& sandbox) {
  return fmt::format("{:016x}-{}", sandbox.created_at.time_since_epoch().count(), sandbox.id);
}

std::string CursorOf(const TemplateRecord& record) { return record.name; }

}  // namespace veneer::api
