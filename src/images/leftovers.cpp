#include "images/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScratchPrefix = ".veneer-scratch-";
constexpr std::string_view kNewFileSuffix = ".veneer-new";
constexpr int kAttempts = 16;

Result<void> RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return FailErrno(error.value(), fmt::format("remove {}", path));
  return {};
}

// Locked, and still the file of that name: nobody else works with it or removes it.
bool TakeOver(const UniqueFd& fd, const std::string& path) {
  struct stat open_file{};
  struct stat named{};
  return fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 &&
         ::fstat(fd.get(), &open_file) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

// The lock on something dead; nothing where it is not ours by its name and type, or lives.
std::optional<UniqueFd> TakeOverDead(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename();
  int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  std::error_code error;
  const fs::file_status status = entry.symlink_status(error);
  if (name.starts_with(kScratchPrefix) && fs::is_directory(status)) {
    flags |= O_DIRECTORY;
  } else if (!name.starts_with('.') || !name.ends_with(kNewFileSuffix) ||
             !fs::is_regular_file(status)) {
    return std::nullopt;
  }
  UniqueFd fd(::open(entry.path().c_str(), flags));
  if (!TakeOver(fd, entry.path())) return std::nullopt;
  return fd;
}

struct DeadOne {
  std::string path;
  UniqueFd lock;
};

Result<std::vector<DeadOne>> FindDead(const std::string& directory) {
  std::vector<DeadOne> found;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    auto lock = TakeOverDead(*entries);
    if (lock) found.push_back({entries->path(), *std::move(lock)});
  }
  if (error) return FailErrno(error.value(), fmt::format("list {}", directory));
  std::ranges::sort(found, {}, &DeadOne::path);
  return found;
}

}  // namespace

Result<ScratchDirectory> ScratchDirectory::Make(const std::string& parent) {
  for (int i = 0; i < kAttempts; ++i) {
    std::string path = fmt::format("{}/{}XXXXXX", parent, kScratchPrefix);
    if (::mkdtemp(path.data()) == nullptr) {
      return FailErrno(errno, fmt::format("make a directory in {}", parent),
                       "check that the directory exists and may be written");
    }
    UniqueFd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (TakeOver(lock, path)) return ScratchDirectory(std::move(path), std::move(lock));
    // Somebody who sweeps was faster than the lock, and has removed it or is about to.
  }
  return Fail(ErrorKind::kConflict, fmt::format("others remove every new directory in {}", parent),
              "find what sweeps there without an end");
}

ScratchDirectory::~ScratchDirectory() {
  if (lock_.valid()) RemoveTree(path_).Ignore("it is swept later");
}

Result<std::vector<std::string>> DeadLeftovers(const std::string& directory) {
  std::vector<std::string> paths;
  for (DeadOne& dead : VENEER_TRY(FindDead(directory))) paths.push_back(std::move(dead.path));
  return paths;
}

Result<std::vector<std::string>> SweepLeftovers(const std::string& directory) {
  std::vector<std::string> gone;
  Result<void> outcome;
  for (const DeadOne& dead : VENEER_TRY(FindDead(directory))) {
    const Result<void> removed = RemoveTree(dead.path);
    if (removed) gone.push_back(dead.path);
    if (!removed && outcome) outcome = removed;
  }
  if (!outcome) return Fail(outcome.error());
  return gone;
}

}  // namespace veneer
