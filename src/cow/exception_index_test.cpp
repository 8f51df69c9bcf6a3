#include "cow/exception_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace veneer {
namespace {

constexpr Chunks kDisk{std::uint64_t{1} << 24U};  // 64 GiB in chunks of 4 KiB

TEST(ExceptionIndexTest, AnEmptyIndexIsOneUnchangedRun) {
  const ExceptionIndex index(kDisk);
  const MappedRun run = index.Find(OriginChunk(5), Chunks(1'000'000));
  EXPECT_FALSE(run.store);
  EXPECT_EQ(run.count, Chunks(1'000'000));
}

TEST(ExceptionIndexTest, RunsEndWhereTheStoreJumps) {
  ExceptionIndex index(kDisk);
  index.Insert(OriginChunk(100), StoreChunk(2), Chunks(200));
  index.Insert(OriginChunk(300), StoreChunk(500), Chunks(1));
  const MappedRun before = index.Find(OriginChunk(0), Chunks(1000));
  EXPECT_FALSE(before.store);
  EXPECT_EQ(before.count, Chunks(100));
  const MappedRun mapped = index.Find(OriginChunk(150), Chunks(1000));
  EXPECT_EQ(mapped.store, StoreChunk(52));
  EXPECT_EQ(mapped.count, Chunks(150));
  EXPECT_EQ(index.Find(OriginChunk(300), Chunks(1000)).count, Chunks(1));
  EXPECT_EQ(index.Find(OriginChunk(150), Chunks(3)).count, Chunks(3));
}

TEST(ExceptionIndexTest, AnswersAsAMapWould) {
  std::mt19937_64 random(7);
  ExceptionIndex index(kDisk);
  std::map<std::uint64_t, std::uint64_t> model;
  for (std::uint64_t store = 2; store < 60'000; ++store) {
    const std::uint64_t origin = random() % 2 == 0 ? random() % 100'000 : random() % kDisk.value();
    if (!model.emplace(origin, store).second) continue;
    index.Insert(OriginChunk(origin), StoreChunk(store), Chunks(1));
  }
  for (const auto& [origin, store] : model) {
    ASSERT_EQ(index.Find(OriginChunk(origin), Chunks(1)).store, StoreChunk(store));
  }
  for (std::uint64_t origin = 0; origin < 100'000; ++origin) {
    const auto known = model.find(origin);
    const auto found = index.Find(OriginChunk(origin), Chunks(1)).store;
    ASSERT_EQ(found.has_value(), known != model.end());
  }
}

TEST(ExceptionIndexTest, ThreadsFindWhatOthersInsert) {
  ExceptionIndex index(kDisk);
  constexpr std::uint64_t kEach = 20'000;
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (std::uint64_t me = 0; me < 3; ++me) {
    threads.emplace_back([&, me] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        const OriginChunk mine(i * 3 + me);
        index.Insert(mine, StoreChunk(i + 2), Chunks(1));
        ASSERT_EQ(index.Find(mine, Chunks(1)).store, StoreChunk(i + 2));
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(index.Find(OriginChunk(3 * kEach), Chunks(1)).store);
}

TEST(ExceptionIndexTest, ReadersSeeEveryEntryWhileTablesGrow) {
  ExceptionIndex index(kDisk);
  constexpr std::uint64_t kEntries = 4096;
  std::atomic<std::uint64_t> inserted = 0;
  std::vector<std::jthread> readers;
  for (unsigned seed = 0; seed < 2; ++seed) {
    readers.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (std::uint64_t known = 0; known < kEntries; known = inserted) {
        if (known == 0) continue;
        const std::uint64_t chunk = random() % known;
        ASSERT_EQ(index.Find(OriginChunk(chunk), Chunks(1)).store, StoreChunk(chunk + 2));
      }
    });
  }
  for (std::uint64_t chunk = 0; chunk < kEntries; ++chunk) {
    index.Insert(OriginChunk(chunk), StoreChunk(chunk + 2), Chunks(1));
    inserted = chunk + 1;
  }
  readers.clear();
  EXPECT_EQ(index.Find(OriginChunk(0), kDisk).count, Chunks(kEntries));
}

TEST(ExceptionIndexTest, RunsGoOnOverTheBordersOfRegions) {
  ExceptionIndex index(kDisk);
  index.Insert(OriginChunk(4000), StoreChunk(2), Chunks(10'000));
  EXPECT_EQ(index.Find(OriginChunk(4000), kDisk - Chunks(4000)).count, Chunks(10'000));
  EXPECT_EQ(index.Find(OriginChunk(0), kDisk).count, Chunks(4000));
  EXPECT_EQ(index.Find(OriginChunk(14'000), Chunks(1'000'000)).count, Chunks(1'000'000));
}

}  // namespace
}  // namespace veneer
