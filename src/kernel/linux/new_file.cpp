#include "kernel/linux/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace veneer {
namespace {

constexpr mode_t kMode = 0600;

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string HiddenNameFor(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return fmt::format("{}/.{}.veneer-new", DirectoryOf(path), name);
}

std::unexpected<Error> Exists(const std::string& path) {
  return Fail(Error{ErrorKind::kConflict, EEXIST, fmt::format("{} exists", path),
                    "choose another path, or remove that file first"});
}

Result<void> RequireFree(const std::string& path, Replace replace) {
  struct stat status{};
  if (path.empty() || path.ends_with('/')) {
    return Fail(ErrorKind::kUsage, fmt::format("'{}' is no name for a file", path),
                "name the file to be made");
  }
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (S_ISDIR(status.st_mode)) {
    return Fail(Error{ErrorKind::kConflict, EISDIR, fmt::format("{} is a directory", path),
                      "name the file to be made"});
  }
  if (replace == Replace::kNever) return Exists(path);
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is not a regular file", path),
                "only a regular file can be replaced; choose another path");
  }
  return {};
}

Result<void> SyncDirectory(const std::string& path) {
  const UniqueFd fd(::open(DirectoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) {
    return FailErrno(errno, fmt::format("sync the directory of {}", path));
  }
  return {};
}

// fsync, not fdatasync: owner and mode are to last as well.
Result<void> SyncFile(const LinuxFile& file, const std::string& path) {
  if (::fsync(file.fd().get()) != 0) return FailErrno(errno, fmt::format("sync {}", path));
  return {};
}

bool IsNamed(const UniqueFd& fd, const std::string& path) {
  struct stat open_file{};
  struct stat named{};
  return ::fstat(fd.get(), &open_file) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

// An empty file under its hidden name, locked until it is closed.
Result<UniqueFd> OpenHidden(const std::string& hidden) {
  while (true) {
    UniqueFd fd(::open(hidden.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kMode));
    if (!fd.valid()) return FailErrno(errno, fmt::format("make {}", hidden));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return Fail(Error{ErrorKind::kConflict, EBUSY,
                        fmt::format("{} is being made by another process", hidden),
                        "wait for it, or choose another path"});
    }
    // Between opening and locking the one before may have published or removed it.
    if (!IsNamed(fd, hidden)) continue;
    if (::ftruncate(fd.get(), 0) != 0) return FailErrno(errno, fmt::format("empty {}", hidden));
    return fd;
  }
}

}  // namespace

Result<NewFile> NewFile::Begin(const std::string& path, Replace replace, Naming naming) {
  VENEER_TRY(RequireFree(path, replace));
  const std::string directory = DirectoryOf(path);
  UniqueFd fd;
  std::string hidden;
  if (naming == Naming::kNameless) {
    fd = UniqueFd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kMode));
  }
  if (naming == Naming::kHidden || (!fd.valid() && (errno == EOPNOTSUPP || errno == EISDIR))) {
    hidden = HiddenNameFor(path);
    fd = VENEER_TRY(OpenHidden(hidden));
  }
  if (!fd.valid()) {
    return FailErrno(errno, fmt::format("make a file in {}", directory),
                     "check that the directory exists and may be written");
  }
  return NewFile(std::make_unique<LinuxFile>(std::move(fd), path), path, std::move(hidden),
                 replace);
}

NewFile::~NewFile() {
  if (file_ && !hidden_name_.empty()) ::unlink(hidden_name_.c_str());
}

Result<void> NewFile::GiveHiddenName() {
  hidden_name_ = HiddenNameFor(path_);
  ::unlink(hidden_name_.c_str());  // of a run that was killed
  // Locked: nobody is to take this one for such.
  ::flock(file_->fd().get(), LOCK_EX | LOCK_NB);
  const std::string source = fmt::format("/proc/self/fd/{}", file_->fd().get());
  if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, hidden_name_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    const int error = errno;
    hidden_name_.clear();
    return FailErrno(error, fmt::format("link {}", path_));
  }
  return {};
}

Result<void> NewFile::GiveName() {
  if (hidden_name_.empty() && replace_ == Replace::kNever) {
    const std::string source = fmt::format("/proc/self/fd/{}", file_->fd().get());
    if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      return {};
    }
    if (errno == EEXIST) return Exists(path_);
    return FailErrno(errno, fmt::format("link {}", path_));
  }
  if (hidden_name_.empty()) VENEER_TRY(GiveHiddenName());
  const unsigned flags = replace_ == Replace::kNever ? RENAME_NOREPLACE : 0;
  if (::renameat2(AT_FDCWD, hidden_name_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0) {
    if (errno == EEXIST) return Exists(path_);
    return FailErrno(errno, fmt::format("rename to {}", path_));
  }
  hidden_name_.clear();
  return {};
}

Result<void> NewFile::Publish(Contents contents) && {
  if (contents == Contents::kCloned) return VENEER_TRY(std::move(*this).Name()).Sync();
  VENEER_TRY(SyncFile(*file_, path_));
  VENEER_TRY(GiveName());
  return SyncDirectory(path_);
}

Result<UnsyncedFile> NewFile::Name() && {
  VENEER_TRY(GiveName());
  return UnsyncedFile(std::move(file_), path_);
}

// With a journal the first makes the name durable too, and the second has nothing to do.
Result<void> UnsyncedFile::Sync() {
  VENEER_TRY(SyncFile(*file_, path_));
  return SyncDirectory(path_);
}

}  // namespace veneer
