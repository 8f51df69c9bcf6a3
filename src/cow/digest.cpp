#include "cow/digest.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/endian.h"
#include "base/sha256.h"
#include "base/zeros.h"

namespace veneer {
namespace {

constexpr std::string_view kMagic("veneer-image-1\0\0", 16);
constexpr std::uint64_t kBlock = std::uint64_t{64} << 10U;
constexpr std::uint64_t kRead = 16 * kBlock;

void AddNumber(Sha256& sha, std::uint64_t number) {
  std::array<std::byte, sizeof number> bytes{};
  StoreLittleEndian(std::span(bytes), 0, number);
  sha.Add(bytes);
}

// `part` begins at a block's begin and ends at a block's end or the image's.
void AddBlocks(Sha256& sha, std::uint64_t first, std::span<const std::byte> part) {
  for (std::uint64_t number = first; !part.empty(); ++number) {
    const auto block = part.first(std::min<std::size_t>(part.size(), kBlock));
    if (!AreZeros(block)) {
      AddNumber(sha, number);
      sha.Add(block);
    }
    part = part.subspan(block.size());
  }
}

}  // namespace

Result<std::string> DigestOf(const File& image, const std::function<void(Bytes, Bytes)>& progress) {
  const Bytes size = VENEER_TRY(image.Size());
  Sha256 sha;
  sha.Add(std::as_bytes(std::span(kMagic)));
  AddNumber(sha, size.value());
  std::vector<std::byte> buffer(std::min(size.value(), kRead));
  for (std::uint64_t at = 0; at < size.value();) {
    const Extent data = VENEER_TRY(image.NextData(ByteOffset(at)));
    if (data.length == Bytes(0) || data.begin.value() >= size.value()) break;
    // Whole blocks, whatever part of them the file system calls data. `at` is a block's begin.
    at = data.begin.value() / kBlock * kBlock;
    while (at < size.value() && at < data.end().value()) {
      const std::uint64_t blocks = (data.end().value() - at + kBlock - 1) / kBlock * kBlock;
      const auto part = std::span(buffer).first(std::min({blocks, kRead, size.value() - at}));
      VENEER_TRY(image.ReadAt(ByteOffset(at), part));
      AddBlocks(sha, at / kBlock, part);
      at += part.size();
      if (progress) progress(Bytes(at), size);
    }
  }
  if (progress) progress(size, size);
  return "sha256:" + sha.Finish();
}

}  // namespace veneer
