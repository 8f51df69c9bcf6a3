#include "cow/chunk_allocator.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace veneer {
namespace {

Geometry Small() { return Geometry(ChunkSize::FromBytes(KiB(4)).value()); }

std::vector<std::uint64_t> TakeAll(ChunkAllocator& allocator, Chunks step) {
  std::vector<std::uint64_t> taken;
  for (StoreRun run = allocator.Take(step); run.count > Chunks(0); run = allocator.Take(step)) {
    for (std::uint64_t i = 0; i < run.count.value(); ++i) taken.push_back(run.first.value() + i);
  }
  return taken;
}

TEST(ChunkAllocatorTest, HandsOutEveryDataChunkOnceAndNoMetadata) {
  for (const std::uint64_t step : {1U, 7U, 1000U}) {
    ChunkAllocator allocator(Small(), Chunks(800), {});
    const auto taken = TakeAll(allocator, Chunks(step));
    // 800 chunks: a header, areas at 1, 258, 515 and 772.
    EXPECT_EQ(taken.size(), 795U);
    EXPECT_EQ(std::set(taken.begin(), taken.end()).size(), taken.size());
    for (const std::uint64_t chunk : taken) EXPECT_FALSE(Small().IsMetadata(StoreChunk(chunk)));
  }
}

TEST(ChunkAllocatorTest, FillsTheGapsFirst) {
  ChunkAllocator allocator(Small(), Chunks(300), {StoreChunk(6), StoreChunk(3), StoreChunk(260)});
  EXPECT_EQ(allocator.Take(Chunks(9)).first, StoreChunk(2));
  const StoreRun gap = allocator.Take(Chunks(9));
  EXPECT_EQ(gap.first, StoreChunk(4));
  EXPECT_EQ(gap.count, Chunks(2));
  EXPECT_EQ(allocator.Take(Chunks(1)).first, StoreChunk(7));
}

TEST(ChunkAllocatorTest, RunsEndBeforeAnArea) {
  ChunkAllocator allocator(Small(), Chunks(600), {});
  EXPECT_EQ(allocator.Take(Chunks(1000)).count, Chunks(256));
  EXPECT_EQ(allocator.Take(Chunks(1000)).first, StoreChunk(259));
}

TEST(ChunkAllocatorTest, WhatIsReturnedIsTakenAgain) {
  ChunkAllocator allocator(Small(), Chunks(12), {});
  const StoreRun first = allocator.Take(Chunks(4));
  const StoreRun second = allocator.Take(Chunks(4));
  allocator.Return(first);
  allocator.Return(second);
  EXPECT_EQ(TakeAll(allocator, Chunks(3)).size(), 10U);
}

TEST(ChunkAllocatorTest, ALongerStoreHasMoreFreeChunks) {
  ChunkAllocator half(Small(), Chunks(400), {StoreChunk(2)});
  EXPECT_EQ(half.Take(Chunks(9)).first, StoreChunk(3));
  half.Lengthen(Chunks(400));
  const auto rest = TakeAll(half, Chunks(7));
  EXPECT_EQ(rest.size(), 795U - 10U);
  EXPECT_EQ(rest.front(), 12U);
  EXPECT_EQ(std::set(rest.begin(), rest.end()).size(), rest.size());

  half.Lengthen(Chunks(0));
  EXPECT_EQ(half.Take(Chunks(1)).count, Chunks(0));
  half.Lengthen(Chunks(1));
  EXPECT_EQ(half.Take(Chunks(9)).count, Chunks(1));
}

TEST(ChunkAllocatorTest, NothingIsFreeInAFullStore) {
  ChunkAllocator allocator(Small(), Chunks(4), {StoreChunk(2), StoreChunk(3)});
  EXPECT_EQ(allocator.Take(Chunks(1)).count, Chunks(0));
  ChunkAllocator none(Small(), Chunks(2), {});
  EXPECT_EQ(none.Take(Chunks(1)).count, Chunks(0));
}

}  // namespace
}  // namespace veneer
