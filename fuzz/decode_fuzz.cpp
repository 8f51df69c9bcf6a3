// Any bytes as a header and as an area: decoding never fails but by an error, and what was
// understood survives being written and read again.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "format/exception.h"
#include "format/header.h"

namespace veneer {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void RoundTripHeader(std::span<const std::byte> bytes) {
  const auto header = DecodeHeader(bytes);
  if (!header) {
    Require(header.error().kind == ErrorKind::kCorrupt && !header.error().hint.empty());
    return;
  }
  std::array<std::byte, kHeaderBytes> again{};
  EncodeHeader(*header, again);
  const auto back = DecodeHeader(again);
  Require(back && back->activation == header->activation);
  Require(back->chunk_size == header->chunk_size && back->recorded == header->recorded);
  if (!header->recorded) return;
  const RecordedSizes& sizes = *header->recorded;
  Require(sizes.origin_size <= sizes.disk_size);
  Require(sizes.origin_size == sizes.disk_size || sizes.origin_size > Bytes(0));
}

void RoundTripArea(std::span<const std::byte> bytes) {
  std::vector<std::byte> again(bytes.begin(), bytes.end());
  for (std::uint64_t slot = 0; slot < bytes.size() / kExceptionBytes; ++slot) {
    const auto exception = DecodeException(bytes, slot);
    if (!exception) break;
    EncodeException(*exception, again, slot);
    Require(DecodeException(again, slot) == exception);
  }
  Require(std::ranges::equal(again, bytes));
}

}  // namespace
}  // namespace veneer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte{data[i]};
  veneer::RoundTripArea(bytes);
  // A header is looked for in 4 KiB: what the input does not say is zero.
  if (bytes.size() % 2 == 0) bytes.resize(veneer::kHeaderBytes);
  veneer::RoundTripHeader(bytes);
  return 0;
}
