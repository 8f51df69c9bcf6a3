#include "kernel/linux/linux_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace veneer {
namespace {

off_t AsOff(ByteOffset at) { return static_cast<off_t>(at.value()); }
off_t AsOff(Bytes length) { return static_cast<off_t>(length.value()); }

Result<struct stat> Stat(const UniqueFd& fd, const std::string& name) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return FailErrno(errno, fmt::format("stat {}", name));
  return status;
}

}  // namespace

Result<std::unique_ptr<LinuxFile>> LinuxFile::Open(const std::string& path, Access access) {
  // O_NONBLOCK: opening a named pipe by mistake must not hang.
  const int flags = (access == Access::kReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
  UniqueFd fd(::open(path.c_str(), flags));
  if (!fd.valid()) {
    const int error = errno;
    if (error == EISDIR) {
      return Fail(Error{ErrorKind::kUsage, error, fmt::format("{} is a directory", path),
                        "name a regular file or a block device"});
    }
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    return FailErrno(
        error, fmt::format("open {}", path),
        denied ? "run as a user who may open it, usually root" : "check the path's spelling");
  }
  const struct stat status = VENEER_TRY(Stat(fd, path));
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
    return Fail(ErrorKind::kUsage,
                fmt::format("{} is {}", path,
                            S_ISDIR(status.st_mode) ? "a directory" : "no file with blocks"),
                "name a regular file or a block device");
  }
  return std::make_unique<LinuxFile>(std::move(fd), path);
}

Result<void> LinuxFile::ReadAt(ByteOffset at, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), AsOff(at));
    if (n < 0) {
      if (errno == EINTR) continue;
      return FailErrno(errno, fmt::format("read {} at byte {}", name_, at.value()));
    }
    if (n == 0) {
      return Fail(ErrorKind::kCorrupt,
                  fmt::format("{} ends at byte {}, before what is to be read", name_, at.value()),
                  "it is truncated: restore it from a copy");
    }
    out = out.subspan(static_cast<std::size_t>(n));
    at += Bytes(static_cast<std::uint64_t>(n));
  }
  return {};
}

Result<void> LinuxFile::WriteAt(ByteOffset at, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd_.get(), data.data(), data.size(), AsOff(at));
    if (n < 0) {
      if (errno == EINTR) continue;
      return FailErrno(errno, fmt::format("write {} at byte {}", name_, at.value()));
    }
    data = data.subspan(static_cast<std::size_t>(n));
    at += Bytes(static_cast<std::uint64_t>(n));
  }
  return {};
}

Result<void> LinuxFile::Sync() {
  // fdatasync also writes the metadata that is needed to find the data again (fdatasync(2)).
  if (::fdatasync(fd_.get()) != 0) return FailErrno(errno, fmt::format("sync {}", name_));
  return {};
}

Result<void> LinuxFile::PunchHole(ByteOffset at, Bytes length) {
  if (length == Bytes(0)) return {};
  while (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, AsOff(at),
                     AsOff(length)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return WriteZeroes(at, length);
    return FailErrno(errno, fmt::format("punch a hole into {} at byte {}", name_, at.value()));
  }
  return {};
}

Result<void> LinuxFile::WriteZeroes(ByteOffset at, Bytes length) {
  static constexpr std::array<std::byte, std::size_t{64} << 10U> kZeros{};
  while (length > Bytes(0)) {
    const Bytes step = std::min(length, Bytes(kZeros.size()));
    VENEER_TRY(WriteAt(at, std::span(kZeros).first(step.value())));
    at += step;
    length -= step;
  }
  return {};
}

Result<void> LinuxFile::Allocate(ByteOffset at, Bytes length) {
  // Blocks that a clone shares do not count; only file systems that can share know the question.
  int mode = FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE;
  while (::fallocate(fd_.get(), mode, AsOff(at), AsOff(length)) != 0) {
    if (errno == EINTR) continue;
    if ((mode & FALLOC_FL_UNSHARE_RANGE) != 0 && (errno == EOPNOTSUPP || errno == EINVAL)) {
      mode = FALLOC_FL_KEEP_SIZE;
      continue;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
    return FailErrno(errno, fmt::format("reserve space in {} at byte {}", name_, at.value()));
  }
  return {};
}

Result<Bytes> LinuxFile::Size() const {
  const struct stat status = VENEER_TRY(Stat(fd_, name_));
  if (!S_ISBLK(status.st_mode)) return Bytes(static_cast<std::uint64_t>(status.st_size));
  std::uint64_t size = 0;
  if (::ioctl(fd_.get(), BLKGETSIZE64, &size) != 0) {
    return FailErrno(errno, fmt::format("ask {} for its size", name_));
  }
  return Bytes(size);
}

Result<void> LinuxFile::Resize(Bytes size) {
  if (::ftruncate(fd_.get(), AsOff(size)) != 0) {
    return FailErrno(errno, fmt::format("make {} {} bytes long", name_, size.value()),
                     "the file system cannot hold a file of this size");
  }
  return {};
}

Result<Extent> LinuxFile::NextData(ByteOffset from) const {
  for (;;) {
    const off_t data = ::lseek(fd_.get(), AsOff(from), SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      const Bytes size = VENEER_TRY(Size());
      return Extent{ByteOffset(size.value()), Bytes(0)};
    }
    if (data < 0) {
      // A block device, or a file system without holes: all of it may be data.
      const Bytes size = VENEER_TRY(Size());
      if (from.value() >= size.value()) return Extent{ByteOffset(size.value()), Bytes(0)};
      return Extent{from, ByteOffset(size.value()) - from};
    }
    const off_t hole = ::lseek(fd_.get(), data, SEEK_HOLE);
    const ByteOffset begin(static_cast<std::uint64_t>(data));
    if (hole < 0) return Extent{begin, VENEER_TRY(Size()) - Bytes(begin.value())};
    if (hole > data) return Extent{begin, Bytes(static_cast<std::uint64_t>(hole - data))};
    // Somebody has just punched what was data there: what comes behind it is still to be found.
    from = begin;
  }
}

void LinuxFile::Prefetch(ByteOffset at, Bytes length) const {
  ::posix_fadvise(fd_.get(), AsOff(at), AsOff(length), POSIX_FADV_WILLNEED);
}

Result<Bytes> LinuxFile::AllocatedBytes() const {
  const struct stat status = VENEER_TRY(Stat(fd_, name_));
  return Bytes(static_cast<std::uint64_t>(status.st_blocks) * 512);
}

Result<Bytes> LinuxFile::AvailableBytes() const {
  struct statvfs status{};
  if (::fstatvfs(fd_.get(), &status) != 0) {
    return FailErrno(errno, fmt::format("ask {} for free space", name_));
  }
  return Bytes(std::uint64_t{status.f_frsize} * status.f_bavail);
}

Result<FileIdentity> LinuxFile::Identity() const {
  const struct stat status = VENEER_TRY(Stat(fd_, name_));
  return FileIdentity{status.st_dev, status.st_ino};
}

Result<FileStamp> LinuxFile::Stamp() const {
  constexpr std::int64_t kNanosecondsInASecond = 1'000'000'000;
  const struct stat status = VENEER_TRY(Stat(fd_, name_));
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorKind::kUsage, fmt::format("{} is no regular file", name_));
  }
  const std::int64_t seconds = status.st_mtim.tv_sec;
  return FileStamp{.size = Bytes(static_cast<std::uint64_t>(status.st_size)),
                   .modified_ns = seconds * kNanosecondsInASecond + status.st_mtim.tv_nsec,
                   .inode = status.st_ino};
}

Result<void> LinuxFile::TryLock(Lock lock) const {
  const int operation = (lock == Lock::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  if (::flock(fd_.get(), operation) == 0) return {};
  if (errno == EWOULDBLOCK) {
    return Fail(Error{ErrorKind::kConflict, EBUSY, fmt::format("{} is in use", name_),
                      "it is attached, or another command works on it: detach it first"});
  }
  return FailErrno(errno, fmt::format("lock {}", name_));
}

Result<std::unique_ptr<LinuxFile>> LinuxFile::Duplicate() const {
  UniqueFd fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(errno, fmt::format("duplicate {}", name_));
  return std::make_unique<LinuxFile>(std::move(fd), name_);
}

}  // namespace veneer
