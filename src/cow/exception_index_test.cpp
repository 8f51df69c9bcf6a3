#include "cow/exception_index.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace veneer {
namespace {

constexpr Chunks kDisk{std::uint64_t{1} << 24U};         // 64 GiB in chunks of 4 KiB
constexpr std::uint64_t kGiB = std::uint64_t{1} << 18U;  // in chunks

// Bytes in use of the heap, with what it needs to know of them. 0 with a sanitizer's heap.
std::size_t HeapInUse() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Bytes that the heap has from the host, used or not. 0 with a sanitizer's heap.
std::size_t HeapTaken() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.arena + info.hblkhd;
}

// A change of 1 GiB, one chunk in each 64.
std::vector<Exception> OneChunkIn64() {
  std::mt19937_64 random(11);
  std::vector<Exception> exceptions;
  exceptions.reserve(kGiB);
  for (std::uint64_t i = 0; i < kGiB; ++i) {
    exceptions.push_back({OriginChunk(i * 64 + random() % 64), StoreChunk(i + 2)});
  }
  return exceptions;
}

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

TEST(ExceptionIndexTest, OneThatIsBuiltOfAListAnswersAsIfItHadGrown) {
  constexpr std::uint64_t kRegion = 65'536;
  constexpr std::uint64_t kArray = kGiB * 64;  // a region that is an array, and one nearly
  constexpr std::uint64_t kHashed = kArray + kRegion;
  std::vector<Exception> exceptions = OneChunkIn64();
  for (std::uint64_t i = 0; i < kRegion; ++i) {
    exceptions.push_back({OriginChunk(kArray + i), StoreChunk(kGiB + 2 + i)});
    if (i % 2 == 1 || i == 0) continue;
    exceptions.push_back({OriginChunk(kHashed + i), StoreChunk(2 * kGiB + i)});
  }
  ExceptionIndex index(Chunks(kHashed + kRegion), exceptions);
  for (const Exception& exception : exceptions) {
    ASSERT_EQ(index.Find(exception.origin, Chunks(1)).store, exception.store);
  }
  EXPECT_EQ(index.Find(OriginChunk(kArray), Chunks(2 * kRegion)).count, Chunks(kRegion));
  EXPECT_FALSE(index.Find(OriginChunk(kHashed + 1), Chunks(1)).store);
  index.Insert(OriginChunk(kHashed + 1), StoreChunk(3 * kGiB), Chunks(1));
  EXPECT_EQ(index.Find(OriginChunk(kHashed + 1), Chunks(1)).store, StoreChunk(3 * kGiB));
}

TEST(ExceptionIndexTest, AChangedChunkCostsAtMostEightBytes) {
  const std::vector<Exception> exceptions = OneChunkIn64();
  const std::size_t before = HeapInUse();
  const ExceptionIndex built(kDisk, exceptions);
  EXPECT_LE(HeapInUse() - before, 8 * kGiB);
}

// Also what the heap has lost between blocks: it is what the host gave.
TEST(ExceptionIndexTest, OneThatGrewHasTakenNoMoreOfTheHost) {
  std::vector<Exception> exceptions = OneChunkIn64();
  std::ranges::shuffle(exceptions, std::mt19937_64(12));
  ::malloc_trim(0);
  const std::size_t before = HeapTaken();
  ExceptionIndex grown(kDisk);
  for (std::uint64_t i = 0; i < exceptions.size(); ++i) {
    grown.Insert(exceptions[i].origin, exceptions[i].store, Chunks(1));
    if (i + 1 < kGiB / 4 || !std::has_single_bit(i + 1)) continue;
    EXPECT_LE(HeapTaken() - before, 8 * (i + 1) + 128 * 1024) << i + 1 << " chunks";
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
  constexpr std::uint64_t kEntries = 65'536;
  std::atomic<std::uint64_t> inserted = 0;
  std::vector<std::jthread> readers;
  readers.reserve(2);
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
  index.Insert(OriginChunk(65'000), StoreChunk(2), Chunks(200'000));
  EXPECT_EQ(index.Find(OriginChunk(65'000), kDisk - Chunks(65'000)).count, Chunks(200'000));
  EXPECT_EQ(index.Find(OriginChunk(0), kDisk).count, Chunks(65'000));
  EXPECT_EQ(index.Find(OriginChunk(265'000), Chunks(1'000'000)).count, Chunks(1'000'000));
}

}  // namespace
}  // namespace veneer
