#include "format/exception.h"

#include "base/endian.h"

namespace veneer {

std::optional<Exception> DecodeException(std::span<const std::byte> area, std::uint64_t slot) {
  const std::size_t at = slot * kExceptionBytes;
  const auto store = LoadLittleEndian<std::uint64_t>(area, at + 8);
  if (store == 0) return std::nullopt;
  return Exception{OriginChunk(LoadLittleEndian<std::uint64_t>(area, at)), StoreChunk(store)};
}

void EncodeException(const Exception& exception, std::span<std::byte> area, std::uint64_t slot) {
  const std::size_t at = slot * kExceptionBytes;
  StoreLittleEndian<std::uint64_t>(area, at, exception.origin.value());
  StoreLittleEndian<std::uint64_t>(area, at + 8, exception.store.value());
}

}  // namespace veneer
