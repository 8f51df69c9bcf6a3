#include "backend/user/disk_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kLockPatience{1};
constexpr std::string_view kSocketSuffix = ".sock";
constexpr const char* kNameAFile = "name a file; it is made where it is missing";

// FNV-1a, 64 bits: the same for every build, which std::hash is not.
std::uint64_t Hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

std::unexpected<Error> NoFile(const std::string& path, std::string_view what) {
  return Fail(ErrorKind::kUsage, fmt::format("{} is {}", path, what), kNameAFile);
}

Result<std::string> Canonical(const fs::path& path) {
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  if (error) return FailErrno(error.value(), path.string(), "check the path's spelling");
  return canonical.string();
}

// What is not mounted on may be looked at: no server is asked.
Result<std::string> JudgeExisting(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return path;
    return FailErrno(errno, path);
  }
  if (S_ISLNK(status.st_mode)) {
    const std::string target = VENEER_TRY(Canonical(path));
    return ResolveDiskPath(target);
  }
  if (S_ISDIR(status.st_mode)) return NoFile(path, "a directory");
  if (!S_ISREG(status.st_mode)) return NoFile(path, "no regular file");
  return path;
}

}  // namespace

Result<std::string> ResolveDiskPath(const std::string& at) {
  if (at.empty()) return Fail(ErrorKind::kUsage, "the path of the disk is empty", kNameAFile);
  const fs::path name = fs::path(at).filename();
  if (name.empty() || name == "." || name == "..") return NoFile(at, "a directory");
  std::error_code error;
  const fs::path absolute = fs::absolute(at, error);
  if (error) return FailErrno(error.value(), at);
  const std::string parent = VENEER_TRY(Canonical(absolute.parent_path()));
  std::string path = fs::path(parent) / name;
  const auto mounted = VENEER_TRY(LinuxMounts().At(path));
  if (mounted) return path;
  return JudgeExisting(path);
}

DiskFiles FilesOfDisk(const std::string& run_dir, const std::string& path) {
  return {.directory = run_dir + "/disks", .key = fmt::format("{:016x}", Hash(path))};
}

std::optional<DiskFiles> FilesOfSocket(std::string_view socket) {
  const std::size_t slash = socket.rfind('/');
  if (!socket.starts_with('/') || !socket.ends_with(kSocketSuffix)) return std::nullopt;
  const std::string_view name = socket.substr(slash + 1);
  return DiskFiles{.directory = std::string(socket.substr(0, slash)),
                   .key = std::string(name.substr(0, name.size() - kSocketSuffix.size()))};
}

Result<void> PrepareDirectory(const DiskFiles& files) {
  const fs::path directory = files.directory;
  std::error_code error;
  fs::create_directories(directory.parent_path().parent_path(), error);
  for (const fs::path& path : {directory.parent_path(), directory}) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return FailErrno(errno, fmt::format("make the directory {}", path.string()),
                       "run as root, or name a run directory of your own");
    }
  }
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) return FailErrno(errno, files.directory);
  const bool mine = status.st_uid == ::geteuid() && (status.st_mode & 0022U) == 0;
  if (!S_ISDIR(status.st_mode) || !mine) {
    return Fail(ErrorKind::kFailed,
                fmt::format("{} is not a directory of this user alone", files.directory),
                "run as its owner, or name another run directory");
  }
  return {};
}

Result<UniqueFd> LockDirectory(const DiskFiles& files) {
  UniqueFd fd(::open(files.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", files.directory));
  if (!WaitUntil(kLockPatience, [&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0; })) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is locked", files.directory),
                "another attach hangs: find it and end it");
  }
  return fd;
}

}  // namespace veneer
