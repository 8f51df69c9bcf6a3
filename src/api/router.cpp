#include "api/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace veneer::api {
namespace {

std::string_view CutPart(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const std::string_view part = pattern.substr(0, pattern.find('/'));
  pattern.remove_prefix(part.size());
  return part;
}

// What stands in the place of the variable, empty where there is none; nothing where the pattern
// does not fit.
std::optional<std::string> Fit(std::string_view pattern, const std::vector<std::string>& segments) {
  if (pattern == "/") return segments.empty() ? std::optional(std::string()) : std::nullopt;
  std::string object;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    const std::string_view part = CutPart(pattern);
    if (part.starts_with('{')) {
      object = segment;
    } else if (part != segment) {
      return std::nullopt;
    }
  }
  return pattern.empty() && !segments.empty() ? std::optional(object) : std::nullopt;
}

}  // namespace

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
  }
  return "";
}

Routed FindRoute(const std::vector<Route>& routes, Method method,
                 const std::vector<std::string>& segments) {
  Routed routed;
  for (const Route& route : routes) {
    const auto object = Fit(route.pattern, segments);
    if (!object) continue;
    if (route.method == method) return {.route = &route, .object = *object};
    routed.allowed.push_back(route.method);
  }
  return routed;
}

Result<void> RequireKnownQuery(const Route& route, const Target& target) {
  for (const auto& [name, value] : target.query) {
    if (std::ranges::find(route.query, name) != route.query.end()) continue;
    return Fail(ErrorKind::kUsage, fmt::format("the query has an unknown name: {}", name),
                route.query.empty() ? "this path takes no query"
                                    : fmt::format("known are: {}", fmt::join(route.query, ", ")));
  }
  return {};
}

}  // namespace veneer::api
