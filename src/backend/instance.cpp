#include "backend/instance.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>

#include "kernel/linux/new_file.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

constexpr std::size_t kDigits = 16;

Result<std::string> Read(const std::string& path) {
  std::string text = VENEER_TRY(ReadText(path));
  while (text.ends_with('\n')) text.pop_back();
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() == kDigits && std::ranges::all_of(text, is_hex)) return text;
  return Fail(ErrorKind::kCorrupt, fmt::format("{} is no instance id", path),
              "it must be the 16 hex digits that were made with the directory: restore it");
}

Result<void> Make(const std::string& path) {
  std::uint64_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) return FailErrno(errno, "get random bytes");
  const std::string text = fmt::format("{:016x}\n", id);
  NewFile file = VENEER_TRY(NewFile::Begin(path, Replace::kNever));
  VENEER_TRY(file.file().WriteAt(ByteOffset(0), std::as_bytes(std::span(text))));
  return std::move(file).Publish();
}

}  // namespace

Result<std::optional<std::string>> FindInstance(const std::string& root) {
  Result<std::string> id = Read(root + "/instance");
  if (id) return *std::move(id);
  if (id.error().kind == ErrorKind::kNotFound) return std::nullopt;
  return Fail(id.error());
}

Result<std::string> InstanceOf(const std::string& root) {
  std::error_code error;
  std::filesystem::create_directories(root, error);
  if (error) {
    return FailErrno(error.value(), fmt::format("make the directory {}", root),
                     "run as root, or name a state directory of your own with --root");
  }
  const std::string path = root + "/instance";
  Result<std::string> id = Read(path);
  if (id || id.error().kind != ErrorKind::kNotFound) return id;
  const Result<void> made = Make(path);
  if (!made && made.error().kind != ErrorKind::kConflict) return Fail(made.error());
  // Another process may be about to give it its name.
  constexpr std::chrono::seconds kPatience{10};
  WaitUntil(kPatience, [&] {
    id = Read(path);
    return id || id.error().kind != ErrorKind::kNotFound;
  });
  return id;
}

}  // namespace veneer
