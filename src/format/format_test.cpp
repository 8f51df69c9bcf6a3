#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
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
  for (const RecordedSizes sizes :
       {RecordedSizes{Bytes(12345), Bytes(12345)}, RecordedSizes{Bytes(1), Bytes(2)},
        RecordedSizes{Bytes(12345), GiB(4)}}) {
    header.recorded = sizes;
    const StoreHeader back = DecodeHeader(Encoded(header)).value();
    EXPECT_EQ(back.activation, Activation::kInvalid);
    EXPECT_EQ(back.chunk_size.bytes(), MiB(1));
    EXPECT_EQ(back.recorded, sizes);
  }
}

TEST(HeaderTest, WithoutAnImageSizeTheImageIsAsLargeAsTheDisk) {
  // As it was written before there were disks larger than their image.
  HeaderBytes bytes = Encoded(Header(Activation::kValid, KiB(4)));
  constexpr std::string_view kMark = "VNR-ORIG";
  std::ranges::copy(std::as_bytes(std::span(kMark)), bytes.begin() + 256);
  StoreLittleEndian<std::uint64_t>(bytes, 264, 12345);
  StoreLittleEndian<std::uint64_t>(bytes, 272, ~std::uint64_t{12345});
  const RecordedSizes sizes{Bytes(12345), Bytes(12345)};
  EXPECT_EQ(DecodeHeader(bytes).value().recorded, sizes);
  StoreHeader header = Header(Activation::kValid, KiB(4));
  header.recorded = sizes;
  EXPECT_EQ(Encoded(header), bytes) << "and it is still written like this";
}

TEST(HeaderTest, WhoDoesNotKnowOfImageSizesSeesTheDiskSize) {
  StoreHeader header = Header(Activation::kValid, KiB(4));
  header.recorded = RecordedSizes{Bytes(1000), Bytes(12345)};
  const HeaderBytes bytes = Encoded(header);
  EXPECT_EQ(LoadLittleEndian<std::uint64_t>(bytes, 264), 12345U);
  EXPECT_EQ(LoadLittleEndian<std::uint64_t>(bytes, 272), ~std::uint64_t{12345});
}

TEST(HeaderTest, AnImageSizeThatLiesIsNone) {
  StoreHeader header = Header(Activation::kValid, KiB(4));
  header.recorded = RecordedSizes{Bytes(1000), Bytes(12345)};
  const HeaderBytes good = Encoded(header);
  const RecordedSizes without{Bytes(12345), Bytes(12345)};
  for (const std::uint64_t lie : {std::uint64_t{0}, std::uint64_t{12346}, ~std::uint64_t{0}}) {
    HeaderBytes bytes = good;
    StoreLittleEndian<std::uint64_t>(bytes, 288, lie);
    StoreLittleEndian<std::uint64_t>(bytes, 296, ~lie);
    EXPECT_EQ(DecodeHeader(bytes).value().recorded, without) << lie;
  }
  for (const std::size_t at : {280U, 288U, 296U}) {
    HeaderBytes bytes = good;
    bytes.at(at) ^= std::byte{1};
    EXPECT_EQ(DecodeHeader(bytes).value().recorded, without) << at;
  }
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

TEST(HeaderTest, WithoutItsMagicOnlyAWholeHeaderWithARecordIsAnEmptyStore) {
  StoreHeader header = Header(Activation::kNever, KiB(64));
  header.recorded = RecordedSizes{.origin_size = MiB(3), .disk_size = MiB(3)};
  HeaderBytes bytes = Encoded(header);
  const auto back = DecodeHeader(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->activation, Activation::kNever);
  EXPECT_EQ(back->chunk_size, header.chunk_size);
  EXPECT_EQ(back->recorded, header.recorded);
  // Any byte that is another makes it something that is no store.
  for (std::size_t at = 4; at < bytes.size(); ++at) {
    bytes.at(at) ^= std::byte{0x10};
    EXPECT_FALSE(DecodeHeader(bytes)) << at;
    bytes.at(at) ^= std::byte{0x10};
  }
}

TEST(HeaderTest, AnOriginRecordThatDoesNotProveItselfIsNone) {
  StoreHeader header = Header(Activation::kValid, KiB(4));
  header.recorded = RecordedSizes{Bytes(1000), Bytes(12345)};
  HeaderBytes bytes = Encoded(header);
  bytes.at(265) ^= std::byte{1};
  EXPECT_EQ(DecodeHeader(bytes).value().recorded, std::nullopt);
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
