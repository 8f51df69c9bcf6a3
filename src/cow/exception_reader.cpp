#include "cow/exception_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace veneer {
namespace {

// Areas of large chunks are read in pieces: most of them are nearly empty.
constexpr Bytes kPiece = KiB(16);

}  // namespace

Result<StoreHeader> ReadHeader(const File& store) {
  const Bytes size = VENEER_TRY(store.Size());
  std::array<std::byte, kHeaderBytes> bytes{};
  if (size < Bytes(bytes.size())) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("{} bytes are too few for an exception store", size.value()),
                "the file is empty or cut short; make one with 'veneer cow create'");
  }
  VENEER_TRY(store.ReadAt(ByteOffset(0), bytes));
  const StoreHeader header = VENEER_TRY(DecodeHeader(bytes));
  const Chunks capacity = Geometry(header.chunk_size).WholeChunks(size);
  if (capacity < Chunks(2)) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the file has {} bytes; a store with chunks of {} has at least two",
                            size.value(), header.chunk_size.bytes().value()),
                "it was cut short: restore it from a copy");
  }
  return header;
}

Result<std::uint64_t> ForEachException(const File& store, const Geometry& geometry,
                                       const ExceptionVisitor& visit) {
  const Chunks capacity = geometry.WholeChunks(VENEER_TRY(store.Size()));
  const Bytes piece_size = std::min(geometry.chunk_size().bytes(), kPiece);
  std::vector<std::byte> piece(piece_size.value());
  std::uint64_t index = 0;
  for (AreaIndex area = 0;; ++area) {
    const StoreChunk chunk = geometry.AreaChunk(area);
    if (chunk.value() >= capacity.value()) {
      return Fail(ErrorKind::kCorrupt,
                  fmt::format("the list of exceptions runs on into area {} at chunk {}, but the "
                              "file ends at chunk {}",
                              area, chunk.value(), capacity.value()),
                  "the store was cut short: restore it from a copy");
    }
    for (Bytes done; done < geometry.chunk_size().bytes(); done += piece_size) {
      VENEER_TRY(store.ReadAt(geometry.OffsetOf(chunk) + done, piece));
      for (std::uint64_t slot = 0; slot < piece_size.value() / kExceptionBytes; ++slot) {
        const auto exception = DecodeException(piece, slot);
        if (!exception) return index;
        VENEER_TRY(visit(index, *exception));
        ++index;
      }
    }
  }
}

}  // namespace veneer
