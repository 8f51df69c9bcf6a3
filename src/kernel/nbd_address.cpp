#include "kernel/nbd_address.h"

#include <fmt/format.h>

#include <charconv>

namespace veneer {
namespace {

constexpr std::string_view kPrefix = "nbd+unix:///?socket=";

// RFC 3986: the characters that stand for themselves, and the slash, which does in a query.
bool StandsForItself(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~/").contains(c);
}

std::optional<char> Unescaped(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(value);
}

bool CanBeSocket(std::string_view path) {
  return path.starts_with('/') && path.size() <= kLongestSocketPath && !path.contains('\0');
}

}  // namespace

std::string NbdUri(std::string_view socket) {
  std::string uri(kPrefix);
  for (const char c : socket) {
    if (StandsForItself(c)) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

std::optional<std::string> SocketInUri(std::string_view uri) {
  if (!uri.starts_with(kPrefix)) return std::nullopt;
  std::string path;
  for (std::size_t at = kPrefix.size(); at < uri.size(); ++at) {
    if (uri[at] == '%') {
      const auto c = Unescaped(uri.substr(at + 1, 2));
      if (!c) return std::nullopt;
      path += *c;
      at += 2;
    } else if (StandsForItself(uri[at])) {
      path += uri[at];
    } else {
      return std::nullopt;
    }
  }
  if (!CanBeSocket(path)) return std::nullopt;
  return path;
}

Result<void> RequireSocketPath(const std::string& path) {
  if (CanBeSocket(path)) return {};
  return Fail(ErrorKind::kUsage, fmt::format("{} is too long for a socket", path),
              fmt::format("choose a path of at most {} bytes", kLongestSocketPath));
}

}  // namespace veneer
