#include "api/guard.h"

#include <algorithm>

#include "api/problem.h"

namespace veneer::api {
namespace {

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool IsOwnOrigin(const std::string& origin, const std::string& host) {
  return Lower(origin) == "http://" + Lower(host);
}

}  // namespace

std::optional<Response> RefuseStranger(const Door& door, const Credentials& credentials) {
  if (credentials.hosts.size() != 1) return Malformed("the request has not one Host header");
  const std::string& host = credentials.hosts.front();
  const bool known =
      door.hosts.empty() || std::ranges::find(door.hosts, Lower(host)) != door.hosts.end();
  if (!known) return Misdirected();
  if (credentials.origin && !IsOwnOrigin(*credentials.origin, host)) return ForeignOrigin();
  return std::nullopt;
}

std::string AuthorizationIn(std::string_view protocols) {
  constexpr std::string_view kPrefix = "veneer.token.";
  while (!protocols.empty()) {
    std::string_view one = protocols.substr(0, protocols.find(','));
    protocols.remove_prefix(std::min(one.size() + 1, protocols.size()));
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    one = one.substr(0, one.find_last_not_of(' ') + 1);
    if (one.starts_with(kPrefix)) return "Bearer " + std::string(one.substr(kPrefix.size()));
  }
  return "";
}

std::optional<Response> RefuseWithoutToken(const Door& door, Access access,
                                           const Credentials& credentials) {
  const bool open = door.token == nullptr || access == Access::kAnybody;
  if (open || door.token->Matches(credentials.authorization)) return std::nullopt;
  return Unauthorized();
}

}  // namespace veneer::api
