#include "cow/chunk_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace veneer {
namespace {

TEST(ChunkSetTest, KnowsWhatItHasSeenSparseOrDense) {
  std::mt19937_64 random(1);
  for (const std::uint64_t range :
       {std::uint64_t{5000}, std::uint64_t{1} << 20U, ~std::uint64_t{0}}) {
    ChunkSet set;
    std::set<std::uint64_t> model;
    for (int i = 0; i < 50'000; ++i) {
      const std::uint64_t chunk = random() % range;
      ASSERT_EQ(set.Insert(chunk), model.insert(chunk).second) << chunk;
    }
  }
}

TEST(ChunkSetTest, TakesAscendingChunksToTheEndOfTheNumbers) {
  ChunkSet set;
  for (std::uint64_t i = 0; i < 200'000; ++i) ASSERT_TRUE(set.Insert(i));
  for (std::uint64_t i = 0; i < 200'000; ++i) ASSERT_FALSE(set.Insert(i));
  EXPECT_TRUE(set.Insert(~std::uint64_t{0}));
  EXPECT_FALSE(set.Insert(~std::uint64_t{0}));
}

}  // namespace
}  // namespace veneer
