#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/endian.h"
#include "format/exception.h"
#include "format/header.h"

namespace veneer {
namespace {

using HeaderBytes = std::array<std::byte, kHeaderBytes>;

HeaderBytes Encoded(const StoreHeader& header) {
  HeaderBytes bytes;
  bytes.fill(std::byte{0xff});
  EncodeHeader(header, bytes);
  return bytes;
}

StoreHeader Header(Activation activation, Bytes chunk) {
  return StoreHeader{activation, ChunkSize::FromBytes(chunk).value(), std::nullopt};
}

TEST(HeaderTest, IsWhatTheKernelWrites) {
  const HeaderBytes bytes = Encoded(Header(Activation::kValid, KiB(4)));
  const std::array<unsigned char, 16> expected = {'S', 'n', 'A', 'p', 1, 0, 0, 0,
                                                  1,   0,   0,   0,   8, 0, 0, 0};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(bytes.at(i), std::byte{expected.at(i)}) << i;
  }
  for (std::size_t i = expected.size(); i < bytes.size(); ++i) EXPECT_EQ(bytes.at(i), std::byte{0});
}

TEST(HeaderTest, ComesBackAsItWas) {
  StoreHeader header = Header(Activation::kInvalid, MiB(1));
  header.origin_size = Bytes(12345);
  const StoreHeader back = DecodeHeader(Encoded(header)).value();
  EXPECT_EQ(back.activation, Activation::kInvalid);
  EXPECT_EQ(back.chunk_size.bytes(), MiB(1));
  EXPECT_EQ(back.origin_size, Bytes(12345));
}

TEST(HeaderTest, ZerosAreAnEmptyStore) {
  const StoreHeader header = DecodeHeader(HeaderBytes{}).value();
  EXPECT_EQ(header.activation, Activation::kNever);
  EXPECT_EQ(header.chunk_size.bytes(), KiB(4));
}

TEST(HeaderTest, ADiskImageIsNoEmptyStoreThoughItBeginsWithZeros) {
  HeaderBytes image{};
  image.at(1024 + 56) = std::byte{0x53};  // ext4's magic
  EXPECT_EQ(DecodeHeader(image).error().kind, ErrorKind::kCorrupt);
}

TEST(HeaderTest, AnOriginRecordThatDoesNotProveItselfIsNone) {
  StoreHeader header = Header(Activation::kValid, KiB(4));
  header.origin_size = Bytes(12345);
  HeaderBytes bytes = Encoded(header);
  bytes.at(265) ^= std::byte{1};
  EXPECT_EQ(DecodeHeader(bytes).value().origin_size, std::nullopt);
}

TEST(HeaderTest, RefusesWhatTheKernelWouldRefuse) {
  const HeaderBytes good = Encoded(Header(Activation::kValid, KiB(4)));
  const auto refuses = [&](std::size_t at, std::uint32_t value) {
    HeaderBytes bytes = good;
    StoreLittleEndian<std::uint32_t>(bytes, at, value);
    const auto header = DecodeHeader(bytes);
    return !header && header.error().kind == ErrorKind::kCorrupt && !header.error().hint.empty();
  };
  EXPECT_TRUE(refuses(0, 0x12345678));  // a foreign file
  EXPECT_TRUE(refuses(8, 0));
  EXPECT_TRUE(refuses(8, 2));
  for (const std::uint32_t sectors : {0U, 1U, 4U, 7U, 9U, 4096U, 0xffffffffU}) {
    EXPECT_TRUE(refuses(12, sectors)) << sectors;
  }
  EXPECT_EQ(DecodeHeader(std::span(good).first(4095)).error().kind, ErrorKind::kCorrupt);
}

TEST(ExceptionTest, ComesBackAsItWasAndZeroEndsTheList) {
  std::vector<std::byte> area(4096);
  const Exception exception{OriginChunk(0x1122334455), StoreChunk(77)};
  EncodeException(exception, area, 255);
  EXPECT_EQ(DecodeException(area, 255), exception);
  EXPECT_EQ(DecodeException(area, 254), std::nullopt);
  EXPECT_EQ(area[255 * 16], std::byte{0x55});
}

}  // namespace
}  // namespace veneer
