#include "base/zeros.h"

#include <gtest/gtest.h>

#include <vector>

namespace veneer {
namespace {

TEST(ZerosTest, NothingIsZeros) { EXPECT_TRUE(AreZeros({})); }

TEST(ZerosTest, OneOtherByteIsFoundWhereverItIs) {
  for (const std::size_t size : {1U, 15U, 16U, 17U, 33U, 4096U}) {
    std::vector<std::byte> bytes(size);
    EXPECT_TRUE(AreZeros(bytes)) << size;
    for (std::size_t at = 0; at < size; ++at) {
      bytes[at] = std::byte{0x80};
      EXPECT_FALSE(AreZeros(bytes)) << at << " of " << size;
      bytes[at] = std::byte{0};
    }
  }
}

}  // namespace
}  // namespace veneer
