// Pulls the plug while threads write, rewrite and flush at once: first writes that meet in the
// allocator, flushes that share their work, writes that are durable when they return (FUA).
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "crash/expectation.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using crash::kSector;
using crash::Stamp;
using crash::Stamped;
using crash::StampOf;
using testing::FakeFile;

constexpr std::size_t kThreads = 4;
constexpr std::size_t kChunks = 600;  // more than two areas hold
constexpr std::size_t kPerChunk = 8;
constexpr std::size_t kSectors = kChunks * kPerChunk;

class ConcurrentCutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    origin_ = std::make_unique<FakeFile>(Bytes(kSectors * kSector));
    const Geometry geometry{ChunkSize{}};
    store_ = std::make_unique<FakeFile>(geometry.StoreBytesFor(Chunks(kChunks)).value());
    disk_ = CowDisk::Open(origin_->Open(), store_->Open(), DiskAccess::kReadWrite).value();
  }

  // One life of the store after a cut, at a moment when no thread is inside the file. What a thread
  // knew to be durable is there, and nothing that nobody wrote.
  void Cut() {
    std::array<Stamp, kSectors> durable{};
    for (std::size_t i = 0; i < kSectors; ++i) durable.at(i) = durable_.at(i);
    const auto after =
        store_->AfterCut([&](std::uint64_t, std::size_t versions) { return random_() % versions; });
    const auto report = CheckStore(*after->Open(), Bytes(kSectors * kSector),
                                   [](const Fault& fault) { ADD_FAILURE() << fault.message; });
    ASSERT_TRUE(report);
    const auto disk = CowDisk::Open(origin_->Open(), after->Open(), DiskAccess::kReadWrite);
    ASSERT_TRUE(disk) << disk.error().what;
    std::vector<std::byte> contents(kSectors * kSector);
    ASSERT_TRUE((*disk)->Read(ByteOffset(0), contents));
    for (std::size_t i = 0; i < kSectors; ++i) {
      const Stamp stamp = StampOf(std::span(contents).subspan(i * kSector, kSector));
      ASSERT_GE(stamp, durable.at(i)) << "sector " << i;
      ASSERT_LE(stamp, issued_.at(i)) << "sector " << i;
    }
    ++cuts_;
  }

  struct Sectors {
    std::size_t first;
    std::size_t count;
  };
  // Every fourth chunk, so that threads meet in areas only.
  static Sectors InChunksOfItsOwn(std::size_t me, Stamp /*step*/, std::mt19937_64& random) {
    const std::size_t chunk = random() % (kChunks / kThreads) * kThreads + me;
    const std::size_t lead = random() % 2 == 0 ? 0 : random() % kPerChunk;
    return {.first = chunk * kPerChunk + lead, .count = kPerChunk - lead};
  }
  // A part of each, one after the other, so that threads meet in chunks at their first write.
  static Sectors InSharedChunks(std::size_t me, Stamp step, std::mt19937_64& /*random*/) {
    constexpr std::size_t kPart = kPerChunk / kThreads;
    return {.first = step % kChunks * kPerChunk + me * kPart, .count = kPart};
  }

  // Writes to sectors that no other thread has.
  template <class Choose>
  void Work(std::size_t me, std::size_t steps, Choose choose) {
    std::mt19937_64 random(me);
    std::vector<std::size_t> dirty;
    for (Stamp stamp = 1; stamp <= steps && !HasFatalFailure(); ++stamp) {
      const auto [first, count] = choose(me, stamp, random);
      for (std::size_t i = first; i < first + count; ++i) issued_.at(i) = stamp;
      ASSERT_TRUE(disk_->Write(ByteOffset(first * kSector), Stamped(count, stamp)));
      for (std::size_t i = first; i < first + count; ++i) dirty.push_back(i);
      if (random() % 3 != 0) continue;
      std::vector<std::pair<std::size_t, Stamp>> flushed;
      for (const std::size_t i : dirty) flushed.emplace_back(i, issued_.at(i));
      ASSERT_TRUE(disk_->Flush());
      for (const auto& [sector, written] : flushed) durable_.at(sector) = written;
      dirty.clear();
    }
  }

  // All threads at once, with cuts all the time.
  template <class Choose>
  void AllWork(Choose choose) {
    constexpr std::size_t kSteps = 300;
    store_->OnMoment([&] {
      if (++moments_ % 16 == 0 && !HasFatalFailure()) Cut();
    });
    {
      std::vector<std::jthread> threads;
      for (std::size_t me = 0; me < kThreads; ++me) {
        threads.emplace_back([this, me, choose] { Work(me, kSteps, choose); });
      }
    }
    store_->OnMoment({});
  }

  std::unique_ptr<FakeFile> origin_;
  std::unique_ptr<FakeFile> store_;
  std::unique_ptr<CowDisk> disk_;
  std::array<std::atomic<Stamp>, kSectors> issued_{};
  std::array<std::atomic<Stamp>, kSectors> durable_{};
  std::mt19937_64 random_{3};  // in the file's own lock
  unsigned moments_ = 0;
  unsigned cuts_ = 0;
};

TEST_F(ConcurrentCutTest, WhatAThreadHasFlushedIsThereWhateverOthersDo) {
  AllWork(InChunksOfItsOwn);
  EXPECT_GT(cuts_, 100U);
}

TEST_F(ConcurrentCutTest, WhatAThreadHasFlushedIsThereWhoeverMappedItsChunk) {
  AllWork(InSharedChunks);
  EXPECT_GT(cuts_, 100U);
}

TEST_F(ConcurrentCutTest, AFailedSyncIsToldToEveryoneAndStays) {
  store_->FailNext(FakeFile::Verb::kSync, EIO);
  {
    std::vector<std::jthread> threads;
    for (std::size_t me = 0; me < kThreads; ++me) {
      threads.emplace_back([this, me] {
        const ByteOffset at(me * kPerChunk * kSector);
        const Result<void> written = disk_->Write(at, Stamped(kPerChunk, 1));
        const Result<void> flushed = disk_->Flush();
        EXPECT_FALSE(written && flushed) << "thread " << me;
      });
    }
  }
  EXPECT_FALSE(disk_->Flush());
  EXPECT_FALSE(disk_->Write(ByteOffset(0), Stamped(1, 2)));
  std::vector<std::byte> sector(kSector);
  EXPECT_TRUE(disk_->Read(ByteOffset(0), sector));
}

}  // namespace
}  // namespace veneer
