#include "api/token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nettle/memops.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>

#include "base/unique_fd.h"
#include "catalog/ids.h"
#include "kernel/linux/new_file.h"

namespace veneer::api {
namespace {

constexpr std::size_t kDigits = 64;
constexpr std::string_view kScheme = "Bearer ";

bool IsToken(std::string_view text) { return text.size() == kDigits && IsHex(text); }

Result<std::string> Draw() {
  std::array<unsigned char, kDigits / 2> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return FailErrno(errno, "get random bytes");
  }
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Two that make it at once agree: the file appears whole, and one of them is late.
Result<void> Make(const std::string& path) {
  const std::string text = VENEER_TRY(Draw()) + "\n";
  NewFile file = VENEER_TRY(NewFile::Begin(path, Replace::kNever));
  VENEER_TRY(file.file().WriteAt(ByteOffset(0), std::as_bytes(std::span(text))));
  return std::move(file).Publish();
}

Result<void> RequirePrivate(const UniqueFd& fd, const std::string& path) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return FailErrno(errno, path);
  const bool is_private = S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
                          (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  if (is_private) return {};
  return Fail(ErrorKind::kFailed, fmt::format("others may know the token in {}", path),
              "remove the file: a new one is made, for its owner alone");
}

Result<std::string> Read(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  VENEER_TRY(RequirePrivate(fd, path));
  std::array<char, kDigits + 1> bytes{};
  const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
  if (got < 0) return FailErrno(errno, fmt::format("read {}", path));
  const std::string_view text(bytes.data(), std::min(static_cast<std::size_t>(got), kDigits));
  if (IsToken(text)) return std::string(text);
  return Fail(ErrorKind::kCorrupt, fmt::format("{} holds no token", path),
              "remove the file: a new one is made");
}

}  // namespace

Result<Token> Token::LoadOrMake(const std::string& path) {
  const bool missing = ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
  const Result<void> made = missing ? Make(path) : Result<void>();
  if (!made && made.error().kind != ErrorKind::kConflict) return Fail(made.error());
  return Token(VENEER_TRY(Read(path)));
}

bool Token::Matches(std::string_view authorization) const {
  if (!authorization.starts_with(kScheme)) return false;
  const std::string_view given = authorization.substr(kScheme.size());
  return given.size() == text_.size() &&
         ::memeql_sec(given.data(), text_.data(), text_.size()) != 0;
}

}  // namespace veneer::api
