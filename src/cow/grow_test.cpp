#include "cow/grow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "cow/create.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using testing::FakeFile;

constexpr std::uint64_t kChunk = 4096;

TEST(StoreSizeTest, IsNeverTheForbiddenOne) {
  const Geometry geometry{ChunkSize()};
  for (std::uint64_t chunks = 0; chunks < 1000; ++chunks) {
    const Bytes size = StoreSizeFor(geometry, MiB(64), Bytes(chunks * kChunk)).value();
    EXPECT_NE(geometry.WholeChunks(size).value() % 257, 1U) << chunks;
    EXPECT_EQ(geometry.MaxExceptions(geometry.WholeChunks(size)), chunks);
  }
}

TEST(StoreSizeTest, NothingBeyondTheDiskCanChange) {
  const Geometry geometry{ChunkSize()};
  EXPECT_EQ(StoreSizeFor(geometry, Bytes(10'000), kWholeDisk).value(), Bytes(5 * kChunk));
  EXPECT_EQ(StoreSizeFor(geometry, Bytes(10'000), Bytes(10'001)).value(), Bytes(5 * kChunk));
  EXPECT_EQ(StoreSizeFor(geometry, Bytes(10'000), Bytes(1)).value(), Bytes(3 * kChunk));
  EXPECT_EQ(StoreSizeFor(geometry, kWholeDisk, kWholeDisk).error().kind, ErrorKind::kUsage);
}

TEST(StoreConditionTest, AFullStoreOverflowsUnlessAllOfTheDiskHasChanged) {
  const Geometry geometry{ChunkSize()};
  const auto condition = [&](std::uint64_t exceptions, std::optional<Bytes> disk) {
    return ConditionOf(geometry, Chunks(6), exceptions, disk);  // room for four
  };
  EXPECT_EQ(condition(3, std::nullopt), StoreCondition::kGood);
  EXPECT_EQ(condition(4, std::nullopt), StoreCondition::kOverflow);
  EXPECT_EQ(condition(4, Bytes(4 * kChunk + 1)), StoreCondition::kOverflow);
  EXPECT_EQ(condition(4, Bytes(3 * kChunk + 1)), StoreCondition::kGood);
}

// A disk in use that grows: 2000 chunks, over an origin of zeros.
class GrowingDiskTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kChunks = 2000;

  void Make(std::uint64_t changes) {
    store_ = std::make_unique<FakeFile>(SizeFor(changes));
    std::array<std::byte, kHeaderBytes> header{};
    const RecordedSizes sizes{origin_size(), origin_size()};
    EncodeHeader({Activation::kValid, ChunkSize(), sizes}, header);
    ASSERT_TRUE(store_->Open()->WriteAt(ByteOffset(0), header));
    disk_ = CowDisk::Open(origin_.Open(), store_->Open(), DiskAccess::kReadWrite).value();
  }
  static Bytes origin_size() { return Bytes(kChunks * kChunk); }
  static Bytes SizeFor(std::uint64_t changes) {
    return StoreSizeFor(Geometry{ChunkSize()}, origin_size(), Bytes(changes * kChunk)).value();
  }
  Result<void> Write(std::uint64_t chunk) const {
    const std::vector<std::byte> data(kChunk, Letter(chunk));
    return disk_->Write(ByteOffset(chunk * kChunk), data);
  }
  static std::byte Letter(std::uint64_t chunk) { return static_cast<std::byte>(chunk % 251 + 1); }
  void Grow(std::uint64_t changes) {
    store_->Resize(SizeFor(changes));
    ASSERT_TRUE(disk_->UpdateStoreSize());
  }
  // Writes the chunks first, first + step, … and waits for room where there is none.
  void WriteEvery(std::uint64_t step, std::uint64_t first) const {
    for (std::uint64_t chunk = first; chunk < kChunks; chunk += step) {
      Result<void> written = Write(chunk);
      for (; !written && !HasFailure(); written = Write(chunk)) {
        ASSERT_EQ(written.error().kind, ErrorKind::kNoSpace) << written.error().what;
        std::this_thread::yield();
      }
      if (chunk % 40 != first) continue;
      ASSERT_TRUE(disk_->Flush());
    }
  }
  // All chunks below `end` were written.
  void ExpectChunks(std::uint64_t end) {
    ASSERT_TRUE(disk_->Flush());
    const auto report = CheckStore(*store_->Open(), origin_size(),
                                   [](const Fault& fault) { ADD_FAILURE() << fault.message; });
    EXPECT_EQ(report->exceptions, end);
    const auto disk = CowDisk::Open(origin_.Open(), store_->Open(), DiskAccess::kReadOnly).value();
    std::vector<std::byte> shown(kChunks * kChunk);
    ASSERT_TRUE(disk->Read(ByteOffset(0), shown));
    for (std::uint64_t chunk = 0; chunk < kChunks; ++chunk) {
      const auto expected = chunk < end ? Letter(chunk) : std::byte{0};
      const auto bytes = std::span(shown).subspan(chunk * kChunk, kChunk);
      ASSERT_TRUE(std::ranges::all_of(bytes, [&](std::byte b) { return b == expected; })) << chunk;
    }
  }

  FakeFile origin_{origin_size()};
  std::unique_ptr<FakeFile> store_;
  std::unique_ptr<CowDisk> disk_;
};

TEST_F(GrowingDiskTest, WritesGoOnWhereTheStoreWasFull) {
  Make(10);
  std::uint64_t chunk = 0;
  // Within an area, up to its end, one over it, and areas further on.
  for (const std::uint64_t changes : {10U, 11U, 255U, 256U, 257U, 513U, 2000U}) {
    Grow(changes);
    for (; chunk < changes; ++chunk) ASSERT_TRUE(Write(chunk)) << chunk;
    if (changes == kChunks) break;
    EXPECT_EQ(disk_->Fill().condition, StoreCondition::kOverflow);
    EXPECT_EQ(ErrnoOf(Write(chunk).error()), ENOSPC) << chunk;
    ASSERT_TRUE(Write(0)) << "what has its chunk can be written";
  }
  EXPECT_EQ(disk_->Fill().condition, StoreCondition::kGood) << "no chunk is left to change";
  ExpectChunks(kChunks);
}

TEST_F(GrowingDiskTest, AStoreOfTheForbiddenSizeGrowsToo) {
  Make(10);
  store_->Resize(Bytes(258 * kChunk));
  ASSERT_TRUE(disk_->UpdateStoreSize());
  std::uint64_t chunk = 0;
  while (Write(chunk)) ++chunk;
  EXPECT_EQ(chunk, 255U);
  Grow(300);
  for (; chunk < 300; ++chunk) ASSERT_TRUE(Write(chunk)) << chunk;
  EXPECT_FALSE(Write(chunk));
  ExpectChunks(300);
}

TEST_F(GrowingDiskTest, TheFillFollowsWhatIsWrittenAndGrown) {
  Make(100);
  EXPECT_EQ(disk_->Fill().used, Bytes(2 * kChunk)) << "header and area";
  EXPECT_EQ(disk_->Fill().capacity, Bytes(102 * kChunk));
  for (std::uint64_t chunk = 0; chunk < 50; ++chunk) ASSERT_TRUE(Write(chunk));
  EXPECT_EQ(disk_->Fill().used, Bytes(52 * kChunk));
  EXPECT_EQ(disk_->Fill().condition, StoreCondition::kGood);
  Grow(200);
  EXPECT_EQ(disk_->Fill().capacity, Bytes(202 * kChunk));
  for (std::uint64_t chunk = 50; chunk < 200; ++chunk) ASSERT_TRUE(Write(chunk));
  EXPECT_EQ(disk_->Fill().used, disk_->Fill().capacity);
  EXPECT_DOUBLE_EQ(disk_->Fill().fill(), 1.0);
}

TEST_F(GrowingDiskTest, AShorterFileIsNotTakenForOne) {
  Make(100);
  ASSERT_TRUE(Write(0));
  store_->Resize(Bytes(50 * kChunk));
  ASSERT_TRUE(disk_->UpdateStoreSize());
  EXPECT_EQ(disk_->Fill().capacity, Bytes(102 * kChunk));
}

TEST_F(GrowingDiskTest, ManyThreadsWriteWhileItGrows) {
  constexpr std::uint64_t kThreads = 4;
  Make(1);
  std::atomic<std::uint64_t> writing = kThreads;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (std::uint64_t me = 0; me < kThreads; ++me) {
      threads.emplace_back([&, me] {
        WriteEvery(kThreads, me);
        --writing;
      });
    }
    for (std::uint64_t changes = 1; writing > 0 && !HasFailure();
         changes = std::min(changes + 37, kChunks)) {
      Grow(changes);
      (void)disk_->Fill();
    }
  }
  ExpectChunks(kChunks);
}

// A store file that nobody has attached.
class GrowStoreTest : public ::testing::Test {
 protected:
  void Create(std::optional<Bytes> max_change) {
    ASSERT_TRUE(CreateStore(dir_ / "store", {.chunk_size = ChunkSize(),
                                             .origin_size = MiB(1),
                                             .disk_size = MiB(4),
                                             .max_change = max_change}));
  }
  std::unique_ptr<LinuxFile> Open() {
    return LinuxFile::Open(dir_ / "store", Access::kReadWrite).value();
  }
  std::uintmax_t Size() { return std::filesystem::file_size(dir_ / "store"); }

  testing::TempDirectory dir_;
};

TEST_F(GrowStoreTest, MakesRoomForWhatIsAskedAndNeverTakesAny) {
  Create(KiB(40));
  EXPECT_EQ(Size(), 12 * kChunk);
  const StoreFill fill = GrowStore(*Open(), KiB(80)).value();
  EXPECT_EQ(fill.capacity, Bytes(22 * kChunk));
  EXPECT_EQ(fill.used, Bytes(2 * kChunk));
  EXPECT_EQ(fill.condition, StoreCondition::kGood);
  EXPECT_EQ(Size(), 22 * kChunk);
  ASSERT_TRUE(GrowStore(*Open(), KiB(40)));
  EXPECT_EQ(Size(), 22 * kChunk);
  ASSERT_TRUE(GrowStore(*Open(), kWholeDisk));
  EXPECT_EQ(Size(), (1024 + 4 + 2) * kChunk) << "all of the disk, not of its image";
}

TEST_F(GrowStoreTest, OneThatIsAttachedIsRefused) {
  Create(KiB(40));
  const auto holder = Open();
  for (const auto lock : {LinuxFile::Lock::kShared, LinuxFile::Lock::kExclusive}) {
    ASSERT_TRUE(holder->TryLock(lock));
    EXPECT_EQ(GrowStore(*Open(), kWholeDisk).error().kind, ErrorKind::kConflict);
  }
  EXPECT_EQ(Size(), 12 * kChunk);
}

TEST_F(GrowStoreTest, WhatIsNoSoundStoreStaysAsItIs) {
  testing::MakeFile(dir_ / "store", KiB(40));
  EXPECT_EQ(GrowStore(*Open(), kWholeDisk).error().kind, ErrorKind::kUsage) << "no disk is named";
  const std::vector<std::byte> junk(16, std::byte{0xff});
  ASSERT_TRUE(Open()->WriteAt(ByteOffset(0), junk));
  EXPECT_EQ(GrowStore(*Open(), kWholeDisk).error().kind, ErrorKind::kCorrupt);
  std::array<std::byte, kHeaderBytes> header{};
  EncodeHeader({Activation::kInvalid, ChunkSize(), std::nullopt}, header);
  ASSERT_TRUE(Open()->WriteAt(ByteOffset(0), header));
  EXPECT_EQ(GrowStore(*Open(), MiB(1)).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Size(), 10 * kChunk);
}

}  // namespace
}  // namespace veneer
