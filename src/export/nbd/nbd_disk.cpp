#include "export/nbd/nbd_disk.h"

#include <algorithm>
#include <array>

namespace veneer {
namespace {

constexpr std::array<std::byte, std::size_t{64} << 10U> kZeros{};

}  // namespace

BlockSizes NbdDisk::block_sizes() const {
  // nbdkit takes no request above 64 MiB, and its clients know none above 32 MiB.
  constexpr Bytes kMost = MiB(32);
  return {.minimum = 1,
          .preferred = static_cast<std::uint32_t>(std::min(disk_.chunk_size(), kMost).value()),
          .maximum = static_cast<std::uint32_t>(kMost.value())};
}

Result<void> NbdDisk::Settle(Durability durability) {
  return durability == Durability::kAtOnce ? disk_.Flush() : Result<void>{};
}

Result<void> NbdDisk::Write(ByteOffset at, std::span<const std::byte> data, Durability durability) {
  VENEER_TRY(disk_.Write(at, data));
  return Settle(durability);
}

Result<void> NbdDisk::Zero(ByteOffset at, Bytes length, ZeroWay way, Durability durability) {
  if (way == ZeroWay::kHoles) {
    VENEER_TRY(disk_.WriteZeroes(at, length));
    return Settle(durability);
  }
  while (length > Bytes(0)) {
    const auto zeros =
        std::span(kZeros).first(std::min<std::size_t>(length.value(), kZeros.size()));
    VENEER_TRY(disk_.Write(at, zeros));
    at += Bytes(zeros.size());
    length -= Bytes(zeros.size());
  }
  return Settle(durability);
}

Result<void> NbdDisk::Trim(ByteOffset at, Bytes length, Durability durability) {
  VENEER_TRY(disk_.Discard(at, length));
  return Settle(durability);
}

Result<void> NbdDisk::VisitExtents(ByteOffset at, Bytes length, const ExtentVisitor& visit) {
  const ByteOffset end = at + length;
  while (at < end) {
    const Extent data = VENEER_TRY(disk_.NextData(at));
    const ByteOffset begin = data.length == Bytes(0) ? end : std::min(data.begin, end);
    if (begin > at && !visit(at, begin - at, Allocation::kHole)) return {};
    if (begin == end) return {};
    const ByteOffset stop = std::min(data.end(), end);
    if (!visit(begin, stop - begin, Allocation::kData)) return {};
    at = stop;
  }
  return {};
}

}  // namespace veneer
