#include "catalog/directories.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <ranges>
#include <system_error>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHint = "run as root, or name a state directory of your own with --root";

// A directory is not there after a power cut unless the one that names it was synced.
Result<void> SyncNames(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) {
    return FailErrno(errno, fmt::format("sync {}", directory.string()));
  }
  return {};
}

Result<void> MakeOne(const fs::path& directory, mode_t mode) {
  // Whoever made it meanwhile may not have synced it yet.
  if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST) {
    Error error =
        ErrnoError(errno, fmt::format("make the directory {}", directory.string()), kHint);
    // What is above it was there, or has just been made: it is no object that was not found.
    if (error.kind == ErrorKind::kNotFound) error.kind = ErrorKind::kFailed;
    return Fail(std::move(error));
  }
  return SyncNames(directory.parent_path());
}

}  // namespace

Result<void> MakeDirectory(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  std::vector<fs::path> missing;
  for (fs::path at = whole; at.has_relative_path() && !fs::exists(at, error);
       at = at.parent_path()) {
    if (at.has_filename()) missing.push_back(at);
  }
  for (const fs::path& directory : missing | std::views::reverse) {
    const bool last = &directory == &missing.front();
    VENEER_TRY(MakeOne(directory, last ? 0700 : 0755));
  }
  if (!fs::is_directory(path, error)) {
    return Fail(ErrorKind::kFailed, fmt::format("{} is not a directory", path), std::string(kHint));
  }
  return {};
}

}  // namespace veneer
