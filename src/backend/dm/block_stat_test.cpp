#include "backend/dm/block_stat.h"

#include <gtest/gtest.h>

namespace veneer::dm {
namespace {

TEST(BlockStat, NumbersOfTheKernelAreCounters) {
  // As Linux 6.12 writes it.
  const auto counters = ParseBlockStat(
      "     109        7     4424        3       12        2      160       11        0       20 "
      "      24        1        0       24        0        5        9\n");
  ASSERT_TRUE(counters);
  EXPECT_EQ(counters->reads, 109U);
  EXPECT_EQ(counters->bytes_read, Bytes(4424 * 512));
  EXPECT_EQ(counters->writes, 12U);
  EXPECT_EQ(counters->bytes_written, Bytes(160 * 512));
  EXPECT_EQ(counters->flushes, 5U);
}

TEST(BlockStat, AnOlderKernelCountsNoFlushes) {
  const auto counters = ParseBlockStat("1 2 3 4 5 6 7 8 9 10 11");
  ASSERT_TRUE(counters);
  EXPECT_EQ(counters->writes, 5U);
  EXPECT_EQ(counters->flushes, 0U);
}

TEST(BlockStat, AnyOtherTextIsAnError) {
  for (const char* text : {"", " ", "x", "1 2 3", "1 2 3 4 5 6 7 8 9 10 x",
                           "99999999999999999999 2 3 4 5 6 7 8 9 10 11", "-1 2"}) {
    EXPECT_FALSE(ParseBlockStat(text)) << text;
  }
}

}  // namespace
}  // namespace veneer::dm
