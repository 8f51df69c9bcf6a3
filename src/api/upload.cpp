#include "api/upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace veneer::api {
namespace {

constexpr Bytes kBetweenLooks = MiB(64);

}  // namespace

Result<Upload> Upload::Begin(const std::string& directory, std::optional<Bytes> size,
                             const SpaceReserve& reserve) {
  VENEER_TRY(RequireRoom(directory, size.value_or(Bytes(0)), reserve));
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return FailErrno(errno, fmt::format("make a file in {}", directory),
                     "uploads need a file system with nameless files (ext4, XFS, btrfs)");
  }
  return Upload(std::move(fd), directory, reserve);
}

Result<void> Upload::Append(std::string_view bytes) {
  unchecked_ += Bytes(bytes.size());
  if (unchecked_ > kBetweenLooks) {
    VENEER_TRY(RequireRoom(directory_, Bytes(bytes.size()), reserve_));
    unchecked_ = Bytes(0);
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(errno, "write the upload");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace veneer::api
