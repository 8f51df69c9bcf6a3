#include "backend/user/record_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

struct flock WholeFile() {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

bool IsHeld(const UniqueFd& fd) {
  struct flock range = WholeFile();
  return ::fcntl(fd.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

}  // namespace

Result<std::optional<FiledRecord>> ReadRecord(const DiskFiles& files) {
  const std::string path = files.Record();
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return std::nullopt;
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  const std::string text = VENEER_TRY(ReadText(fd, path));
  Result<DiskRecord> record = DecodeRecord(text);
  if (!record) return std::nullopt;
  return FiledRecord{.record = *std::move(record), .held = IsHeld(fd)};
}

Result<UniqueFd> WriteRecord(const DiskFiles& files, const DiskRecord& record) {
  const std::string path = files.Record();
  const std::string hidden = path + ".new";
  const std::string text = EncodeRecord(record) + "\n";
  UniqueFd fd(::open(hidden.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(errno, fmt::format("write {}", hidden));
  struct flock range = WholeFile();
  ::fcntl(fd.get(), F_OFD_SETLK, &range);  // who cannot see it asks the socket
  const bool written =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::rename(hidden.c_str(), path.c_str()) == 0) return fd;
  const int error = errno;
  ::unlink(hidden.c_str());
  return FailErrno(error, fmt::format("write {}", path));
}

}  // namespace veneer
