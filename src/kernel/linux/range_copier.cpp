#include "kernel/linux/range_copier.h"

#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace veneer {
namespace {

constexpr Bytes kBuffer = MiB(1);
// copy_file_range cannot be interrupted within one call: not too much at once.
constexpr Bytes kLargestStep = MiB(64);

bool CannotShare(int error) {
  return error == EOPNOTSUPP || error == EXDEV || error == EINVAL || error == ENOTTY ||
         error == ENOSYS || error == EPERM || error == ETXTBSY;
}

}  // namespace

Result<void> RangeCopier::CloneWhole(const LinuxFile& from, LinuxFile& to) {
  while (::ioctl(to.fd().get(), FICLONE, from.fd().get()) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (!CannotShare(error)) return FailErrno(error, fmt::format("clone {}", from.name()));
    return Fail(Error{ErrorKind::kUnsupported, error,
                      fmt::format("{} cannot be cloned to the place of the output", from.name()),
                      "reflinks need both on one XFS or btrfs file system; use the method copy"});
  }
  return {};
}

Result<void> RangeCopier::Copy(const LinuxFile& from, ByteOffset from_at, LinuxFile& to,
                               ByteOffset to_at, Bytes length) {
  if (sharing_ == Sharing::kReflink) {
    file_clone_range range{.src_fd = from.fd().get(),
                           .src_offset = from_at.value(),
                           .src_length = length.value(),
                           .dest_offset = to_at.value()};
    if (::ioctl(to.fd().get(), FICLONERANGE, &range) == 0) return {};
    if (errno != EINTR && !CannotShare(errno)) {
      return FailErrno(errno, fmt::format("clone from {}", from.name()));
    }
  }
  copied_ += length;
  while (sharing_ != Sharing::kNever && length > Bytes(0)) {
    auto source = static_cast<off64_t>(from_at.value());
    auto target = static_cast<off64_t>(to_at.value());
    const ssize_t n = ::copy_file_range(from.fd().get(), &source, to.fd().get(), &target,
                                        std::min(length, kLargestStep).value(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !CannotShare(errno)) {
      return FailErrno(errno, fmt::format("copy from {} to {}", from.name(), to.name()));
    }
    if (n <= 0) break;  // not between these files (or at the end, which reading will name)
    const Bytes done(static_cast<std::uint64_t>(n));
    from_at += done;
    to_at += done;
    length -= done;
  }
  return CopyBytes(from, from_at, to, to_at, length);
}

Result<void> RangeCopier::CopyData(const LinuxFile& from, ByteOffset from_at, LinuxFile& to,
                                   ByteOffset to_at, Bytes length,
                                   const std::function<void(Bytes)>& copied) {
  constexpr Bytes kStep = MiB(16);  // between two calls of `copied`
  const ByteOffset end = from_at + length;
  for (ByteOffset at = from_at; at < end;) {
    const Extent data = VENEER_TRY(from.NextData(at));
    if (data.length == Bytes(0) || data.begin >= end) break;
    const Bytes step = std::min(std::min(data.end(), end) - data.begin, kStep);
    VENEER_TRY(Copy(from, data.begin, to, to_at + (data.begin - from_at), step));
    if (copied) copied(step);
    at = data.begin + step;
  }
  return {};
}

Result<void> RangeCopier::CopyBytes(const LinuxFile& from, ByteOffset from_at, LinuxFile& to,
                                    ByteOffset to_at, Bytes length) {
  while (length > Bytes(0)) {
    buffer_.resize(kBuffer.value());
    const Bytes step = std::min(length, kBuffer);
    const auto part = std::span(buffer_).first(step.value());
    VENEER_TRY(from.ReadAt(from_at, part));
    VENEER_TRY(to.WriteAt(to_at, part));
    from_at += step;
    to_at += step;
    length -= step;
  }
  return {};
}

}  // namespace veneer
