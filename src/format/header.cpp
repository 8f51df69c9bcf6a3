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

constexpr std::size_t kOriginMarkAt = 256;
constexpr std::size_t kOriginSizeAt = 264;
constexpr std::size_t kOriginCheckAt = 272;
constexpr std::array kOriginMark = {std::byte{'V'}, std::byte{'N'}, std::byte{'R'}, std::byte{'-'},
                                    std::byte{'O'}, std::byte{'R'}, std::byte{'I'}, std::byte{'G'}};

// A record that does not prove itself is no record: other software may use those bytes.
std::optional<Bytes> DecodeOriginSize(std::span<const std::byte> bytes) {
  if (!std::ranges::equal(bytes.subspan(kOriginMarkAt, kOriginMark.size()), kOriginMark)) {
    return std::nullopt;
  }
  const auto size = LoadLittleEndian<std::uint64_t>(bytes, kOriginSizeAt);
  if (LoadLittleEndian<std::uint64_t>(bytes, kOriginCheckAt) != ~size) return std::nullopt;
  if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  return Bytes(size);
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
                     DecodeOriginSize(bytes)};
}

void EncodeHeader(const StoreHeader& header, std::span<std::byte, kHeaderBytes> out) {
  std::ranges::fill(out, std::byte{0});
  if (header.activation == Activation::kNever) return;
  StoreLittleEndian<std::uint32_t>(out, 0, kMagic);
  StoreLittleEndian<std::uint32_t>(out, kValidAt, header.activation == Activation::kValid ? 1 : 0);
  StoreLittleEndian<std::uint32_t>(out, kVersionAt, kVersion);
  StoreLittleEndian<std::uint32_t>(out, kChunkSectorsAt,
                                   static_cast<std::uint32_t>(header.chunk_size.sectors().value()));
  if (!header.origin_size) return;
  std::ranges::copy(kOriginMark, out.subspan<kOriginMarkAt>().begin());
  const std::uint64_t size = header.origin_size->value();
  StoreLittleEndian<std::uint64_t>(out, kOriginSizeAt, size);
  StoreLittleEndian<std::uint64_t>(out, kOriginCheckAt, ~size);
}

}  // namespace veneer
