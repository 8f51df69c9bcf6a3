// Where things lie in a persistent exception store, and how big one must be.
//
//   chunk 0            header
//   chunk 1            area 0: E exceptions of 16 bytes, E = chunk_size / 16
//   chunks 2 … E+1     data chunks
//   chunk E+2          area 1, and so on: area a is chunk 1 + a·(E+1)
//
// Source: Linux drivers/md/dm-snap-persistent.c; docs/format.md says it in our words.
// Pure functions: no system calls, no allocation, no errors but what a Result says.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// A power of two from 4 KiB to 1 MiB.
class ChunkSize {
 public:
  // kUsage for any other value.
  static Result<ChunkSize> FromBytes(Bytes size);

  constexpr ChunkSize() = default;

  [[nodiscard]] constexpr Bytes bytes() const { return Bytes(std::uint64_t{1} << shift_); }
  [[nodiscard]] constexpr Sectors sectors() const {
    return Sectors(bytes().value() / kSectorSize.value());
  }
  [[nodiscard]] constexpr unsigned shift() const { return shift_; }

  constexpr bool operator==(const ChunkSize&) const = default;

 private:
  constexpr explicit ChunkSize(unsigned shift) : shift_(shift) {}

  unsigned shift_ = 12;
};

inline constexpr Bytes kSmallestChunk = KiB(4);
inline constexpr Bytes kLargestChunk = MiB(1);
inline constexpr std::uint64_t kExceptionBytes = 16;

// The n-th metadata area of a store, counted from 0.
using AreaIndex = std::uint64_t;

class Geometry {
 public:
  constexpr explicit Geometry(ChunkSize chunk_size) : chunk_size_(chunk_size) {}

  [[nodiscard]] constexpr ChunkSize chunk_size() const { return chunk_size_; }
  [[nodiscard]] constexpr std::uint64_t exceptions_per_area() const {
    return chunk_size_.bytes().value() / kExceptionBytes;
  }

  [[nodiscard]] constexpr StoreChunk AreaChunk(AreaIndex area) const {
    return StoreChunk(1 + area * stride());
  }
  // The header or an area: never the target of an exception.
  [[nodiscard]] constexpr bool IsMetadata(StoreChunk chunk) const {
    return chunk.value() == 0 || chunk.value() % stride() == 1;
  }
  // The first chunk at or after `chunk` that can hold data.
  [[nodiscard]] constexpr StoreChunk DataChunkFrom(StoreChunk chunk) const {
    while (IsMetadata(chunk)) chunk += Chunks(1);
    return chunk;
  }
  // How many data chunks follow each other from the data chunk `chunk` on, up to the next area.
  [[nodiscard]] constexpr Chunks DataRunFrom(StoreChunk chunk) const {
    return Chunks(stride() - (chunk.value() - 2) % stride() - 1);
  }

  // How many data chunks lie before `chunk`.
  [[nodiscard]] constexpr Chunks DataChunksBefore(StoreChunk chunk) const {
    if (chunk.value() == 0) return Chunks(0);
    const std::uint64_t areas = (chunk.value() - 1 + stride() - 1) / stride();
    return Chunks(chunk.value() - 1 - areas);
  }

  [[nodiscard]] constexpr ByteOffset OffsetOf(StoreChunk chunk) const {
    return ByteOffset(chunk.value() << chunk_size_.shift());
  }
  [[nodiscard]] constexpr ByteOffset OffsetOf(OriginChunk chunk) const {
    return ByteOffset(chunk.value() << chunk_size_.shift());
  }
  [[nodiscard]] constexpr OriginChunk ChunkOf(ByteOffset at) const {
    return OriginChunk(at.value() >> chunk_size_.shift());
  }
  // Whole chunks that fit in `size`.
  [[nodiscard]] constexpr Chunks WholeChunks(Bytes size) const {
    return Chunks(size.value() >> chunk_size_.shift());
  }
  // Chunks that `size` bytes touch: the last may be partial.
  [[nodiscard]] constexpr Chunks ChunksFor(Bytes size) const {
    const std::uint64_t mask = chunk_size_.bytes().value() - 1;
    return Chunks((size.value() >> chunk_size_.shift()) + ((size.value() & mask) != 0 ? 1 : 0));
  }

  // The store that holds `changed` rewritten chunks: changed + floor(changed / E) + 2. Never the
  // size at which the last area can fill up (see MaxExceptions).
  [[nodiscard]] constexpr Chunks StoreChunksFor(Chunks changed) const {
    return Chunks(changed.value() + changed.value() / exceptions_per_area() + 2);
  }
  // The file for it; kUsage where it would exceed 2^63 - 1 bytes.
  [[nodiscard]] Result<Bytes> StoreBytesFor(Chunks changed) const;

  // The most exceptions a store of `capacity` chunks may ever hold. An area must not fill up
  // unless the next one lies in the store: on load the kernel reads on after a full area, and on
  // filling one it zeroes the next. A capacity of 1 + k·(E+1) therefore wastes one data chunk.
  [[nodiscard]] constexpr std::uint64_t MaxExceptions(Chunks capacity) const {
    if (capacity.value() < 2) return 0;
    const std::uint64_t areas = (capacity.value() - 2) / stride();
    const std::uint64_t rest = (capacity.value() - 2) % stride();
    // rest data chunks after area `areas`; at rest = E the next area would lie outside.
    return areas * exceptions_per_area() + (rest < exceptions_per_area() ? rest : rest - 1);
  }
  // Areas that a list of `exceptions` takes, with the one that ends the list.
  [[nodiscard]] constexpr std::uint64_t AreasFor(std::uint64_t exceptions) const {
    return exceptions / exceptions_per_area() + 1;
  }

 private:
  [[nodiscard]] constexpr std::uint64_t stride() const { return exceptions_per_area() + 1; }

  ChunkSize chunk_size_;
};

}  // namespace veneer
