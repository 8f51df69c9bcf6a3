// CowDisk::AtCommittedMoment: a copy of the store that is taken in it is one moment of the disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using testing::FakeFile;
using Contents = std::vector<std::byte>;

constexpr std::size_t kChunk = 4096;
constexpr std::size_t kWriters = 4;
constexpr std::size_t kPlaces = 7;  // that a writer goes round
constexpr std::size_t kBlock = 1000;
constexpr std::size_t kChunks = kWriters * kPlaces;
constexpr Bytes kDiskSize((kChunks + 1) * kChunk);
// A chunk that no writer has.
constexpr ByteOffset kSpare(kChunks* kChunk);

// Writer w's n-th write, from 1 on, fills this place with n. Places of two writers share chunks.
ByteOffset PlaceOf(std::size_t writer, std::uint64_t n) {
  return ByteOffset(((n % kPlaces) * kWriters + writer) * (kChunk - 100));
}

class CommittedMomentTest : public ::testing::Test {
 protected:
  CommittedMomentTest() : origin_(kDiskSize), store_(Bytes(64 * kChunk)) {
    std::array<std::byte, kHeaderBytes> header{};
    const RecordedSizes sizes{.origin_size = kDiskSize, .disk_size = kDiskSize};
    EncodeHeader({Activation::kValid, ChunkSize(), sizes}, header);
    EXPECT_TRUE(store_.Open()->WriteAt(ByteOffset(0), header));
    disk_ = CowDisk::Open(origin_.Open(), store_.Open(), DiskAccess::kReadWrite).value();
  }

  void Write(std::size_t writer, std::uint64_t n) {
    Contents block(kBlock);
    for (std::size_t at = 0; at < kBlock; at += sizeof n) std::memcpy(&block[at], &n, sizeof n);
    ASSERT_TRUE(disk_->Write(PlaceOf(writer, n), block));
    written_.at(writer).store(n, std::memory_order_release);
  }

  void StartWriters() {
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      threads_.emplace_back([this, writer] {
        for (std::uint64_t n = 1; !stopped_.load(); ++n) Write(writer, n);
      });
    }
  }
  // Whole chunks that are changed already: each call makes a hole in the store.
  void StartZeroing() {
    ASSERT_TRUE(disk_->Write(kSpare, Contents(kChunk, std::byte{7})));
    threads_.emplace_back([this] {
      while (!stopped_.load()) ASSERT_TRUE(disk_->WriteZeroes(kSpare, Bytes(kChunk)));
    });
    threads_.emplace_back([this] {
      while (!stopped_.load()) ASSERT_TRUE(disk_->Discard(kSpare, Bytes(kChunk)));
    });
  }
  void Stop() {
    stopped_ = true;
    threads_.clear();
  }

  // The last n that the writer had written by then, where the disk shows no more and no less.
  static std::optional<std::uint64_t> MomentOf(CowDisk& disk, std::size_t writer) {
    std::array<std::uint64_t, kPlaces> stamps{};
    for (std::size_t place = 0; place < kPlaces; ++place) {
      std::array<std::uint64_t, kBlock / sizeof(std::uint64_t)> block{};
      EXPECT_TRUE(disk.Read(PlaceOf(writer, place), std::as_writable_bytes(std::span(block))));
      const auto [least, most] = std::ranges::minmax(block);
      if (least != most) return std::nullopt;  // half of a write
      stamps.at(place) = most;
    }
    const std::uint64_t last = *std::ranges::max_element(stamps);
    for (std::uint64_t n = last; n > 0 && n + kPlaces > last; --n) {
      if (stamps.at(n % kPlaces) != n) return std::nullopt;
    }
    return last;
  }

  std::unique_ptr<CowDisk> OpenCopy(const Contents& store) {
    copy_ = std::make_unique<FakeFile>(store);
    return CowDisk::Open(origin_.Open(), copy_->Open(), DiskAccess::kReadOnly).value();
  }

  FakeFile origin_;
  FakeFile store_;
  std::unique_ptr<FakeFile> copy_;
  std::unique_ptr<CowDisk> disk_;
  std::atomic<bool> stopped_ = false;
  std::array<std::atomic<std::uint64_t>, kWriters> written_{};
  std::vector<std::jthread> threads_;
};

std::array<std::uint64_t, kWriters> Loaded(
    const std::array<std::atomic<std::uint64_t>, kWriters>& written) {
  std::array<std::uint64_t, kWriters> numbers{};
  for (std::size_t i = 0; i < kWriters; ++i) numbers.at(i) = written.at(i).load();
  return numbers;
}

TEST_F(CommittedMomentTest, ACopyOfTheStoreShowsEachWriterAtOneMoment) {
  StartWriters();
  for (int round = 0; round < 50 && !HasFailure(); ++round) {
    const auto before = Loaded(written_);
    Contents store;
    Contents durable;
    const auto held = disk_->AtCommittedMoment([&]() -> Result<void> {
      store = store_.Contents();
      durable = store_.AfterCut([](std::uint64_t, std::size_t) { return 0U; })->Contents();
      return {};
    });
    const auto after = Loaded(written_);
    EXPECT_TRUE(held);
    EXPECT_TRUE(durable == store);
    const auto copy = OpenCopy(store);
    EXPECT_EQ(CheckStore(*copy_->Open(), kDiskSize, [](const Fault&) {})->faults, 0U);
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      const auto moment = MomentOf(*copy, writer);
      EXPECT_TRUE(moment) << "writer " << writer;
      EXPECT_GE(moment.value_or(0), before.at(writer));
      EXPECT_LE(moment.value_or(0), after.at(writer) + 1) << "a write may not be counted yet";
    }
  }
  Stop();
}

TEST_F(CommittedMomentTest, NobodyChangesTheStoreMeanwhile) {
  std::atomic<bool> inside = false;
  std::atomic<unsigned> changes = 0;
  std::atomic<unsigned> intrusions = 0;
  store_.OnMoment([&] { ++(inside ? intrusions : changes); });
  StartWriters();
  StartZeroing();
  for (int round = 0; round < 50; ++round) {
    EXPECT_TRUE(disk_->AtCommittedMoment([&]() -> Result<void> {
      inside = true;
      for (int look = 0; look < 20; ++look) EXPECT_FALSE(store_.Contents().empty());
      inside = false;
      return {};
    }));
  }
  Stop();
  EXPECT_EQ(intrusions, 0U);
  EXPECT_GT(changes, 0U);
  store_.OnMoment(nullptr);
}

TEST_F(CommittedMomentTest, CallersTakeTurns) {
  std::atomic<int> inside = 0;
  std::vector<std::jthread> callers;
  callers.reserve(kWriters);
  for (std::size_t caller = 0; caller < kWriters; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::uint64_t n = 1; n <= 100; ++n) {
        Write(caller, n);
        EXPECT_TRUE(disk_->AtCommittedMoment([&]() -> Result<void> {
          EXPECT_EQ(++inside, 1);
          --inside;
          return {};
        }));
      }
    });
  }
  callers.clear();
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    EXPECT_EQ(MomentOf(*disk_, writer), 100U);
  }
}

TEST_F(CommittedMomentTest, ReadersNeedNotWait) {
  Write(1, 1);
  EXPECT_TRUE(disk_->AtCommittedMoment([&]() -> Result<void> {
    std::jthread([&] { EXPECT_EQ(MomentOf(*disk_, 1), 1U); }).join();
    return {};
  }));
}

TEST_F(CommittedMomentTest, AnErrorComesBackAndWritingGoesOn) {
  const auto failed = disk_->AtCommittedMoment(
      [] { return Result<void>(Fail(ErrorKind::kUnsupported, "no clone here")); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kUnsupported);
  Write(1, 1);
  EXPECT_EQ(MomentOf(*disk_, 1), 1U);
}

TEST_F(CommittedMomentTest, WhatCannotBeCommittedIsNoMoment) {
  Write(1, 1);
  store_.FailNext(FakeFile::Verb::kWrite, ENOSPC);
  bool called = false;
  const auto act = [&]() -> Result<void> {
    called = true;
    return {};
  };
  EXPECT_EQ(disk_->AtCommittedMoment(act).error().kind, ErrorKind::kNoSpace);
  EXPECT_FALSE(called);
  EXPECT_TRUE(disk_->AtCommittedMoment(act));
  EXPECT_TRUE(called);
}

TEST_F(CommittedMomentTest, AReadOnlyDiskIsAlwaysCommitted) {
  disk_ = CowDisk::Open(origin_.Open(), store_.Open(), DiskAccess::kReadOnly).value();
  const auto before = store_.Calls(FakeFile::Verb::kSync);
  EXPECT_TRUE(disk_->AtCommittedMoment([] { return Result<void>(); }));
  EXPECT_EQ(store_.Calls(FakeFile::Verb::kSync), before);
}

}  // namespace
}  // namespace veneer
