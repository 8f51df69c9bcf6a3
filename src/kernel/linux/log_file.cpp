#include "kernel/linux/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace veneer {
namespace {

bool IsAt(const std::string& path, const struct stat& status) {
  struct stat there{};
  return ::lstat(path.c_str(), &there) == 0 && there.st_dev == status.st_dev &&
         there.st_ino == status.st_ino;
}

}  // namespace

void LogFile::Open() {
  // Not blocked by a pipe that somebody put there.
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  fd_ = UniqueFd(::open(path_.c_str(), flags, S_IRUSR | S_IWUSR));
  struct stat status{};
  const bool is_file = fd_.valid() && ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
  if (!is_file) fd_ = UniqueFd();
}

void LogFile::MakeRoomFor(std::size_t size) {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0) return;
  const bool fits = static_cast<std::uint64_t>(status.st_size) + size <= limit_.value();
  if (fits) return;
  // Somebody else may be renaming it just now: this line goes to the old one then.
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return;
  const bool is_last = IsAt(path_, status);
  if (is_last && ::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) {
    ::flock(fd_.get(), LOCK_UN);
    // It cannot be renamed; to begin anew is what keeps it bounded.
    if (::ftruncate(fd_.get(), 0) != 0) fd_ = UniqueFd();
    return;
  }
  Open();
}

void LogFile::Append(std::string_view line) {
  if (!fd_.valid()) Open();
  if (!fd_.valid()) return;
  MakeRoomFor(line.size());
  if (!fd_.valid()) return;
  // Nobody is to be told that it failed.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), line.data(), line.size());
}

}  // namespace veneer
