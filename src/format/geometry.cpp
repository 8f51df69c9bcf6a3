#include "format/geometry.h"

#include <fmt/format.h>

#include <bit>
#include <limits>

namespace veneer {

Result<ChunkSize> ChunkSize::FromBytes(Bytes size) {
  if (!std::has_single_bit(size.value()) || size < kSmallestChunk || size > kLargestChunk) {
    return Fail(ErrorKind::kUsage,
                fmt::format("chunk size {} is not a power of two from 4K to 1M", size.value()),
                "use 4K, unless most writes are larger");
  }
  return ChunkSize(static_cast<unsigned>(std::countr_zero(size.value())));
}

Result<Bytes> Geometry::StoreBytesFor(Chunks changed) const {
  constexpr std::uint64_t kLargestFile = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t most = kLargestFile >> chunk_size_.shift();
  if (changed.value() > most || StoreChunksFor(changed).value() > most) {
    return Fail(
        ErrorKind::kUsage,
        fmt::format("a store for {} changed chunks would exceed the largest file", changed.value()),
        "use a larger chunk size or a smaller limit on changes");
  }
  return Bytes(StoreChunksFor(changed).value() << chunk_size_.shift());
}

}  // namespace veneer
