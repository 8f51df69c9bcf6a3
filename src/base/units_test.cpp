#include "base/units.h"

#include <gtest/gtest.h>

#include <array>
#include <concepts>

#include "base/endian.h"

namespace veneer {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };

TEST(UnitsTest, PositionsAndLengthsFollowTheRulesOfGeometry) {
  static_assert(Addable<Bytes, Bytes>);
  static_assert(Addable<ByteOffset, Bytes>);
  static_assert(!Addable<Bytes, Sectors>);
  static_assert(!Addable<ByteOffset, ByteOffset>);
  static_assert(!Addable<OriginChunk, Bytes>);
  static_assert(!std::convertible_to<int, Bytes>);
  static_assert(!std::equality_comparable_with<OriginChunk, StoreChunk>);
  EXPECT_EQ(ByteOffset(10) + Bytes(5) - ByteOffset(3), Bytes(12));
  EXPECT_EQ(ToBytes(Sectors(8)), KiB(4));
}

TEST(EndianTest, LoadsWhatItStored) {
  std::array<std::byte, 12> buffer{};
  StoreLittleEndian<std::uint64_t>(buffer, 3, 0x0102030405060708U);
  EXPECT_EQ(buffer[3], std::byte{8});
  EXPECT_EQ(buffer[10], std::byte{1});
  EXPECT_EQ(LoadLittleEndian<std::uint64_t>(buffer, 3), 0x0102030405060708U);
  EXPECT_EQ(LoadLittleEndian<std::uint32_t>(buffer, 3), 0x05060708U);
}

}  // namespace
}  // namespace veneer
