#include "images/space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "base/size_text.h"

namespace veneer {
namespace {

constexpr unsigned kMostPercent = 99;

// The number before a '%'; none where it is no number up to 99.
Result<unsigned> ParsePercent(std::string_view digits) {
  unsigned percent = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9' || percent > kMostPercent) percent = kMostPercent + 1;
    if (percent <= kMostPercent) percent = percent * 10 + static_cast<unsigned>(digit - '0');
  }
  if (digits.empty() || percent > kMostPercent) {
    return Fail(ErrorKind::kUsage, fmt::format("'{}%' is no reserve of space", digits),
                "write a part of the file system from 0% to 99%, or a size: 5%, 2G");
  }
  return percent;
}

}  // namespace

Result<SpaceReserve> ParseSpaceReserve(std::string_view text) {
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    return SpaceReserve{.percent = VENEER_TRY(ParsePercent(text)), .size = Bytes(0)};
  }
  return SpaceReserve{.percent = 0, .size = VENEER_TRY(ParseSize(text))};
}

Bytes ReservedOf(Bytes total, const SpaceReserve& reserve) {
  // Divided first: no size that a file system has overflows then.
  return std::max(Bytes(total.value() / 100 * reserve.percent), reserve.size);
}

Result<void> JudgeRoom(const FileSystemRoom& room, Bytes needed, const SpaceReserve& reserve,
                       const std::string& directory) {
  const Bytes reserved = ReservedOf(room.total, reserve);
  if (room.available >= reserved && room.available - reserved >= needed) return {};
  return Fail(ErrorKind::kNoSpace,
              fmt::format("not enough room in {}: {} is needed, {} of {} is free, and {} of it is "
                          "to stay free",
                          directory, FormatSize(needed), FormatSize(room.available),
                          FormatSize(room.total), FormatSize(reserved)),
              "remove templates or sandboxes, enlarge the file system, or lower the reserve");
}

Result<FileSystemRoom> RoomIn(const std::string& directory) {
  struct statvfs status{};
  if (::statvfs(directory.c_str(), &status) != 0) {
    return FailErrno(errno, fmt::format("ask {} for its free space", directory));
  }
  const Bytes block(status.f_frsize);
  return FileSystemRoom{.total = block * status.f_blocks, .available = block * status.f_bavail};
}

Result<void> RequireRoom(const std::string& directory, Bytes needed, const SpaceReserve& reserve) {
  const FileSystemRoom room = VENEER_TRY(RoomIn(directory));
  return JudgeRoom(room, needed, reserve, directory);
}

}  // namespace veneer
