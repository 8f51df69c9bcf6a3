#include "format/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/endian.h"

namespace veneer {
namespace {

constexpr std::uint32_t kMagic = 0x70416e53;
constexpr std::uint32_t kVersion = 1;

constexpr std::size_t kValidAt = 4;
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kChunkSectorsAt = 12;

using Mark = std::array<std::byte, 8>;
constexpr Mark kOriginMark = {std::byte{'V'}, std::byte{'N'}, std::byte{'R'}, std::byte{'-'},
                              std::byte{'O'}, std::byte{'R'}, std::byte{'I'}, std::byte{'G'}};
constexpr Mark kImageMark = {std::byte{'V'}, std::byte{'N'}, std::byte{'R'}, std::byte{'-'},
                             std::byte{'I'}, std::byte{'M'}, std::byte{'A'}, std::byte{'G'}};
constexpr std::size_t kDiskPartAt = 256;
constexpr std::size_t kImagePartAt = 280;
// From its mark on: the size, then its complement.
constexpr std::size_t kSizeBehindMark = 8;
constexpr std::size_t kCheckBehindMark = 16;

// A size that does not prove itself is no size: other software may use those bytes.
std::optional<Bytes> DecodeSize(std::span<const std::byte> bytes, const Mark& mark,
                                std::size_t at) {
  if (!std::ranges::equal(bytes.subspan(at, mark.size()), mark)) return std::nullopt;
  const auto size = LoadLittleEndian<std::uint64_t>(bytes, at + kSizeBehindMark);
  if (LoadLittleEndian<std::uint64_t>(bytes, at + kCheckBehindMark) != ~size) return std::nullopt;
  if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  return Bytes(size);
}

void EncodeSize(Bytes size, const Mark& mark, std::size_t at, std::span<std::byte> out) {
  std::ranges::copy(mark, out.subspan(at).begin());
  StoreLittleEndian<std::uint64_t>(out, at + kSizeBehindMark, size.value());
  StoreLittleEndian<std::uint64_t>(out, at + kCheckBehindMark, ~size.value());
}

// Without a sound size of the image, that is the disk's: no smaller image fits then.
std::optional<RecordedSizes> DecodeRecord(std::span<const std::byte> bytes) {
  const auto disk_size = DecodeSize(bytes, kOriginMark, kDiskPartAt);
  if (!disk_size) return std::nullopt;
  const auto image_size = DecodeSize(bytes, kImageMark, kImagePartAt);
  const bool smaller = image_size && *image_size > Bytes(0) && *image_size < *disk_size;
  return RecordedSizes{smaller ? *image_size : *disk_size, *disk_size};
}

// What EncodeHeader makes of a store that was never activated, byte for byte, and nothing else.
std::optional<StoreHeader> DecodeWithoutMagic(std::span<const std::byte, kHeaderBytes> bytes) {
  const Sectors sectors(LoadLittleEndian<std::uint32_t>(bytes, kChunkSectorsAt));
  const auto chunk_size = ChunkSize::FromBytes(ToBytes(sectors));
  const auto recorded = DecodeRecord(bytes);
  if (!chunk_size || !recorded) return std::nullopt;
  const StoreHeader header{Activation::kNever, *chunk_size, recorded};
  std::array<std::byte, kHeaderBytes> again{};
  EncodeHeader(header, again);
  if (!std::ranges::equal(again, bytes)) return std::nullopt;
  return header;
}

}  // namespace

Result<StoreHeader> DecodeHeader(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderBytes) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("{} bytes are too few for the header of a store", bytes.size()),
                "a store has at least two chunks; make one with 'veneer cow create'");
  }
  const auto magic = LoadLittleEndian<std::uint32_t>(bytes, 0);
  if (magic == 0) {
    // The kernel would take any file whose first four bytes are zero for a new store. A disk image
    // is such a file, and attaching it as a store would destroy it.
    const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
    if (std::ranges::all_of(bytes.first(kHeaderBytes), is_zero)) return StoreHeader{};
    if (const auto header = DecodeWithoutMagic(bytes.first<kHeaderBytes>())) return *header;
    return Fail(ErrorKind::kCorrupt, "this is no exception store, it looks like a disk image",
                "name the store first, and the image with --origin");
  }
  if (magic != kMagic) {
    return Fail(ErrorKind::kCorrupt, "this is no exception store (no SnAp magic)",
                "name the store file that 'veneer cow create' or the kernel made");
  }
  const auto version = LoadLittleEndian<std::uint32_t>(bytes, kVersionAt);
  if (version != kVersion) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("store version {} is unknown; only 1 exists", version),
                "the header is damaged, or newer software wrote it");
  }
  const Sectors sectors(LoadLittleEndian<std::uint32_t>(bytes, kChunkSectorsAt));
  const auto chunk_size = ChunkSize::FromBytes(ToBytes(sectors));
  if (!chunk_size) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the header's chunk size is {} sectors", sectors.value()),
                "it must be a power of two from 8 (4 KiB) to 2048 (1 MiB)");
  }
  const bool valid = LoadLittleEndian<std::uint32_t>(bytes, kValidAt) != 0;
  return StoreHeader{valid ? Activation::kValid : Activation::kInvalid, *chunk_size,
                     DecodeRecord(bytes)};
}

void EncodeHeader(const StoreHeader& header, std::span<std::byte, kHeaderBytes> out) {
  std::ranges::fill(out, std::byte{0});
  const bool active = header.activation != Activation::kNever;
  if (!active && !header.recorded) return;
  if (active) StoreLittleEndian<std::uint32_t>(out, 0, kMagic);
  StoreLittleEndian<std::uint32_t>(out, kValidAt,
                                   header.activation == Activation::kInvalid ? 0 : 1);
  StoreLittleEndian<std::uint32_t>(out, kVersionAt, kVersion);
  StoreLittleEndian<std::uint32_t>(out, kChunkSectorsAt,
                                   static_cast<std::uint32_t>(header.chunk_size.sectors().value()));
  if (!header.recorded) return;
  const RecordedSizes& sizes = *header.recorded;
  EncodeSize(sizes.disk_size, kOriginMark, kDiskPartAt, out);
  if (sizes.origin_size == sizes.disk_size) return;
  EncodeSize(sizes.origin_size, kImageMark, kImagePartAt, out);
}

}  // namespace veneer
