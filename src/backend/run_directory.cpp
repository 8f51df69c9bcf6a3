#include "backend/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kLockPatience{1};

}  // namespace

Result<void> PrepareRunDirectory(const std::string& path) {
  const fs::path directory = path;
  std::error_code error;
  fs::create_directories(directory.parent_path().parent_path(), error);
  for (const fs::path& made : {directory.parent_path(), directory}) {
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST) {
      return FailErrno(errno, fmt::format("make the directory {}", made.string()),
                       "run as root, or name a run directory of your own");
    }
  }
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) return FailErrno(errno, path);
  const bool mine = status.st_uid == ::geteuid() && (status.st_mode & 0022U) == 0;
  if (!S_ISDIR(status.st_mode) || !mine) {
    return Fail(ErrorKind::kFailed, fmt::format("{} is not a directory of this user alone", path),
                "run as its owner, or name another run directory");
  }
  return {};
}

Result<UniqueFd> LockRunDirectory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  if (!WaitUntil(kLockPatience, [&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0; })) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is locked", path),
                "another command hangs: find it and end it");
  }
  return fd;
}

}  // namespace veneer
