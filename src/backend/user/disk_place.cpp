#include "backend/user/disk_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "backend/user/mount_point.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/nbd_address.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

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

// Without symbolic links in its directory, which must exist.
Result<std::string> Absolute(const std::string& at) {
  if (at.empty()) return Fail(ErrorKind::kUsage, "the path of the disk is empty", kNameAFile);
  const fs::path name = fs::path(at).filename();
  if (name.empty() || name == "." || name == "..") return NoFile(at, "a directory");
  std::error_code error;
  const fs::path absolute = fs::absolute(at, error);
  if (error) return FailErrno(error.value(), at);
  return fs::path(VENEER_TRY(Canonical(absolute.parent_path()))) / name;
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
  // What a killed server has left may be used again.
  if (IsSealedMountPoint(status)) return path;
  if (!S_ISREG(status.st_mode)) return NoFile(path, "no regular file");
  return path;
}

}  // namespace

Result<std::string> ResolveDiskPath(const std::string& at) {
  std::string path = VENEER_TRY(Absolute(at));
  const auto mounted = VENEER_TRY(LinuxMounts().At(path));
  if (mounted) return path;
  return JudgeExisting(path);
}

Result<std::string> ResolveSocketPath(const std::string& at) {
  std::string path = VENEER_TRY(Absolute(at));
  VENEER_TRY(RequireSocketPath(path));
  return path;
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

}  // namespace veneer
