#include "api/target.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace veneer::api {
namespace {

constexpr std::size_t kLongest = 4096;

std::unexpected<Error> NoTarget(std::string what) {
  return Fail(ErrorKind::kUsage, std::move(what), "the paths are in /openapi.json");
}

// The byte that the two hex digits behind a percent sign stand for.
std::optional<char> DecodeByte(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(value);
}

Result<std::string> DecodePart(std::string_view part) {
  std::string decoded;
  for (std::size_t at = 0; at < part.size(); ++at) {
    if (part[at] != '%') {
      decoded += part[at];
      continue;
    }
    const auto byte = DecodeByte(part.substr(at + 1, 2));
    if (!byte) return NoTarget("the request's path has a '%' without two hex digits");
    decoded += *byte;
    at += 2;
  }
  const bool printable =
      std::ranges::all_of(decoded, [](char c) { return c >= ' ' && c < '\x7f'; });
  if (!printable) return NoTarget("the request's path has a byte that is no printable ASCII");
  return decoded;
}

Result<std::string> DecodeSegment(std::string_view part) {
  std::string segment = VENEER_TRY(DecodePart(part));
  const bool plain = !segment.empty() && segment != "." && segment != ".." &&
                     segment.find('/') == std::string::npos;
  if (!plain) return NoTarget("the request's path has an empty part, a dot part or a hidden '/'");
  return segment;
}

// What stands before the first `separator`; `rest` keeps what is behind it.
std::string_view Cut(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return head;
}

}  // namespace

Result<Target> DecodeTarget(std::string_view text) {
  if (text.size() > kLongest) return NoTarget("the request's path is too long");
  if (!text.starts_with('/')) return NoTarget("the request's path does not begin with '/'");
  std::string_view query = text.substr(1);
  std::string_view path = Cut(query, '?');
  Target target;
  const bool ends_in_slash = path.ends_with('/');
  while (!path.empty()) target.segments.push_back(VENEER_TRY(DecodeSegment(Cut(path, '/'))));
  if (ends_in_slash) return NoTarget("the request's path ends in '/'");
  while (!query.empty()) {
    std::string_view value = Cut(query, '&');
    std::string name = VENEER_TRY(DecodePart(Cut(value, '=')));
    std::string decoded = VENEER_TRY(DecodePart(value));
    const auto [at, fresh] = target.query.emplace(std::move(name), std::move(decoded));
    if (!fresh) return NoTarget("the query names " + at->first + " twice");
  }
  return target;
}

}  // namespace veneer::api
