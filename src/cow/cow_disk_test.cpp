#include "cow/cow_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cow/check.h"
#include "cow/exception_index.h"
#include "cow/store_info.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using testing::FakeFile;

constexpr std::size_t kChunk = 4096;

// A disk whose origin has one letter a chunk; "AB" is two chunks.
class CowDiskTest : public ::testing::Test {
 protected:
  void Make(std::string_view origin, Chunks store_chunks = Chunks(64)) {
    std::vector<std::byte> image;
    for (const char c : origin) image.insert(image.end(), kChunk, static_cast<std::byte>(c));
    origin_ = std::make_unique<FakeFile>(image);
    store_ = std::make_unique<FakeFile>(Bytes(store_chunks.value() * kChunk));
    std::array<std::byte, kHeaderBytes> header{};
    const RecordedSizes sizes{Bytes(image.size()), Bytes(image.size())};
    EncodeHeader({Activation::kValid, ChunkSize(), sizes}, header);
    ASSERT_TRUE(store_->Open()->WriteAt(ByteOffset(0), header));
    Reopen();
  }
  void Reopen(DiskAccess access = DiskAccess::kReadWrite) {
    disk_ = CowDisk::Open(origin_->Open(), store_->Open(), access).value();
    origin_->ForgetReads();
  }

  static ByteOffset At(std::size_t chunk) { return ByteOffset(chunk * kChunk); }
  Result<void> Write(std::size_t chunk, std::string_view letters) {
    std::vector<std::byte> data;
    for (const char c : letters) data.insert(data.end(), kChunk, static_cast<std::byte>(c));
    return disk_->Write(At(chunk), data);
  }
  Result<void> WriteBytes(std::size_t at, std::string_view text) {
    return disk_->Write(ByteOffset(at), std::as_bytes(std::span(text)));
  }
  // One letter a chunk; '?' where a chunk is not of one kind, '0' for zeros.
  std::string Show() {
    std::vector<std::byte> contents(disk_->size().value());
    EXPECT_TRUE(disk_->Read(ByteOffset(0), contents));
    std::string letters;
    for (std::size_t at = 0; at < contents.size(); at += kChunk) {
      const auto chunk = std::span(contents).subspan(at, std::min(kChunk, contents.size() - at));
      const bool same = std::ranges::all_of(chunk, [&](std::byte b) { return b == chunk[0]; });
      const char letter = chunk[0] == std::byte{0} ? '0' : static_cast<char>(chunk[0]);
      letters += same ? letter : '?';
    }
    return letters;
  }
  std::uint64_t Exceptions() { return ReadStoreInfo(*store_->Open()).value().exceptions; }

  std::unique_ptr<FakeFile> origin_;
  std::unique_ptr<FakeFile> store_;
  std::unique_ptr<CowDisk> disk_;
};

TEST_F(CowDiskTest, ShowsTheOriginUntilItIsWritten) {
  Make("ABCD");
  EXPECT_EQ(Show(), "ABCD");
  ASSERT_TRUE(Write(1, "xy"));
  EXPECT_EQ(Show(), "AxyD");
  ASSERT_TRUE(disk_->Flush());
  Reopen();
  EXPECT_EQ(Show(), "AxyD");
  EXPECT_EQ(Exceptions(), 2U);
}

TEST_F(CowDiskTest, AFullChunkIsNeverReadBeforeItIsOverwritten) {
  Make("ABCD");
  ASSERT_TRUE(Write(1, "xy"));
  EXPECT_FALSE(origin_->WasRead(At(0), Bytes(4 * kChunk)));
  ASSERT_TRUE(WriteBytes(10, "partial"));
  EXPECT_TRUE(origin_->WasRead(At(0), Bytes(kChunk)));
  EXPECT_FALSE(origin_->WasRead(At(1), Bytes(3 * kChunk)));
}

TEST_F(CowDiskTest, APartialWriteKeepsTheRestOfTheChunk) {
  Make("ABC");
  ASSERT_TRUE(WriteBytes(kChunk - 2, "..||.."));
  std::array<std::byte, 10> seam{};
  ASSERT_TRUE(disk_->Read(ByteOffset(kChunk - 4), seam));
  const std::string text(reinterpret_cast<const char*>(seam.data()), seam.size());
  EXPECT_EQ(text, "AA..||..BB");
}

TEST_F(CowDiskTest, WithoutAFlushNothingIsPromisedAndNothingIsBroken) {
  Make("AB");
  ASSERT_TRUE(Write(0, "x"));
  ASSERT_TRUE(disk_->Flush());
  ASSERT_TRUE(Write(1, "y"));
  const auto after = store_->AfterCut([](std::uint64_t, std::size_t) { return 0U; });
  disk_ = CowDisk::Open(origin_->Open(), after->Open(), DiskAccess::kReadOnly).value();
  EXPECT_EQ(Show(), "xB");
}

TEST_F(CowDiskTest, ZeroesGiveTheirBlocksBack) {
  Make("ABCD");
  ASSERT_TRUE(Write(0, "wxyz"));
  ASSERT_TRUE(disk_->Flush());
  const Bytes before = store_->AllocatedBytes();
  ASSERT_TRUE(disk_->WriteZeroes(At(1), Bytes(2 * kChunk)));
  EXPECT_EQ(store_->AllocatedBytes(), before - Bytes(2 * kChunk));
  EXPECT_EQ(Show(), "w00z");
}

TEST_F(CowDiskTest, ZeroesOverTheOriginTakeNoBlocks) {
  Make("ABCD");
  ASSERT_TRUE(disk_->WriteZeroes(At(1), Bytes(2 * kChunk)));
  ASSERT_TRUE(disk_->Flush());
  EXPECT_EQ(Show(), "A00D");
  EXPECT_EQ(Exceptions(), 2U);
  EXPECT_EQ(store_->AllocatedBytes(), Bytes(2 * kChunk)) << "header and area";
}

TEST_F(CowDiskTest, ZeroesOverAHoleOfTheOriginCostNothing) {
  Make("A");
  origin_->Resize(Bytes(8 * kChunk));
  store_ = std::make_unique<FakeFile>(Bytes(64 * kChunk));
  Reopen();
  ASSERT_TRUE(disk_->WriteZeroes(At(1), Bytes(7 * kChunk)));
  ASSERT_TRUE(disk_->Flush());
  EXPECT_EQ(Exceptions(), 0U);
}

TEST_F(CowDiskTest, ADiscardCostsNothingWhereNothingIsChanged) {
  Make("ABCD");
  ASSERT_TRUE(Write(3, "z"));
  ASSERT_TRUE(disk_->Flush());
  const Bytes before = store_->AllocatedBytes();
  ASSERT_TRUE(disk_->Discard(At(0), Bytes(3 * kChunk)));
  ASSERT_TRUE(disk_->Flush());
  EXPECT_EQ(Show(), "ABCz");
  EXPECT_EQ(Exceptions(), 1U);
  ASSERT_TRUE(disk_->Discard(At(0), disk_->size()));
  EXPECT_EQ(Show(), "ABC0");
  EXPECT_EQ(store_->AllocatedBytes(), before - Bytes(kChunk));
}

TEST_F(CowDiskTest, AFullStoreRefusesNewChunksAndKeepsTheOld) {
  Make("ABCD", Chunks(4));  // header, area, two chunks
  ASSERT_TRUE(Write(0, "wx"));
  const auto full = Write(2, "y");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(ErrnoOf(full.error()), ENOSPC);
  ASSERT_TRUE(Write(0, "v"));
  ASSERT_TRUE(disk_->Flush());
  EXPECT_EQ(Show(), "vxCD");
  disk_.reset();
  store_->Resize(Bytes(8 * kChunk));
  Reopen();
  ASSERT_TRUE(Write(2, "y"));
  EXPECT_EQ(Show(), "vxyD");
}

TEST_F(CowDiskTest, AFullHostLosesNothingAndWritingGoesOnWhenThereIsRoom) {
  Make("ABCDEFGH");
  ASSERT_TRUE(Write(0, "x"));
  store_->SetFreeSpace(Bytes(kChunk));
  ASSERT_TRUE(Write(1, "y"));
  EXPECT_EQ(Write(2, "z").error().kind, ErrorKind::kNoSpace);
  ASSERT_TRUE(disk_->Flush()) << "a flush needs no room";
  EXPECT_EQ(Show(), "xyCDEFGH");
  EXPECT_EQ(CheckStore(*store_->Open(), disk_->size(), [](const Fault&) {})->faults, 0U);
  store_->SetFreeSpace(Bytes(kChunk));
  ASSERT_TRUE(Write(2, "z"));
  ASSERT_TRUE(disk_->Flush());
  Reopen();
  EXPECT_EQ(Show(), "xyzDEFGH");
}

TEST_F(CowDiskTest, AWriteThatFailedHalfWayIsAsIfItHadNeverBeen) {
  Make("ABCD", Chunks(5));  // room for three chunks
  store_->FailNext(FakeFile::Verb::kWrite, EIO);
  EXPECT_EQ(Write(0, "w").error().kind, ErrorKind::kFailed);
  EXPECT_EQ(Show(), "ABCD");
  ASSERT_TRUE(Write(0, "wxy")) << "the chunk of the failed write is free again";
}

TEST_F(CowDiskTest, AfterAFailedSyncNothingIsPromisedAnyMore) {
  Make("AB");
  ASSERT_TRUE(Write(0, "x"));
  store_->FailNext(FakeFile::Verb::kSync, EIO);
  EXPECT_FALSE(disk_->Flush());
  EXPECT_FALSE(disk_->Flush());
  EXPECT_FALSE(Write(1, "y"));
  EXPECT_EQ(Show(), "xB") << "reading goes on";
}

TEST_F(CowDiskTest, ACommitThatFailedIsTriedAgainByTheNextFlush) {
  Make("AB");
  ASSERT_TRUE(Write(0, "x"));
  store_->FailNext(FakeFile::Verb::kWrite, ENOSPC);
  EXPECT_EQ(disk_->Flush().error().kind, ErrorKind::kNoSpace);
  ASSERT_TRUE(Write(1, "y"));
  ASSERT_TRUE(disk_->Flush());
  Reopen();
  EXPECT_EQ(Show(), "xy");
}

TEST_F(CowDiskTest, AFlushWithNothingToDoIsFree) {
  Make("AB");
  ASSERT_TRUE(Write(0, "x"));
  ASSERT_TRUE(disk_->Flush());
  const auto before = store_->Calls(FakeFile::Verb::kSync);
  ASSERT_TRUE(disk_->Flush());
  EXPECT_EQ(store_->Calls(FakeFile::Verb::kSync), before);
}

TEST_F(CowDiskTest, AReadOnlyDiskChangesNothing) {
  Make("AB");
  const auto before = store_->Contents();
  Reopen(DiskAccess::kReadOnly);
  EXPECT_EQ(ErrnoOf(Write(0, "x").error()), EROFS);
  EXPECT_FALSE(disk_->WriteZeroes(At(0), Bytes(1)));
  EXPECT_FALSE(disk_->Discard(At(0), Bytes(1)));
  EXPECT_TRUE(disk_->Flush());
  EXPECT_EQ(store_->Contents(), before);
}

TEST_F(CowDiskTest, AStoreOfZerosIsAnEmptyStore) {
  Make("AB");
  store_ = std::make_unique<FakeFile>(Bytes(16 * kChunk));
  Reopen(DiskAccess::kReadOnly);
  EXPECT_EQ(Show(), "AB");
  EXPECT_EQ(store_->AllocatedBytes(), Bytes(0));
  Reopen();
  ASSERT_TRUE(Write(1, "x"));
  ASSERT_TRUE(disk_->Flush());
  Reopen();
  EXPECT_EQ(Show(), "Ax");
  const RecordedSizes sizes{Bytes(2 * kChunk), Bytes(2 * kChunk)};
  EXPECT_EQ(ReadStoreInfo(*store_->Open()).value().header.recorded, sizes);
}

TEST_F(CowDiskTest, AStoreOfAnotherDiskIsRefused) {
  Make("ABCD");
  FakeFile smaller(Bytes(3 * kChunk));
  const auto disk = CowDisk::Open(smaller.Open(), store_->Open(), DiskAccess::kReadWrite);
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().kind, ErrorKind::kCorrupt);
}

TEST_F(CowDiskTest, ADiskOfMoreChunksThanTheIndexKeepsIsRefused) {
  const Bytes most(ExceptionIndex::kMostChunks.value() * kChunk);
  const auto open = [&](Bytes size) {
    std::array<std::byte, kHeaderBytes> header{};
    EncodeHeader({Activation::kValid, ChunkSize(), RecordedSizes{Bytes(kChunk), size}}, header);
    FakeFile store(Bytes(64 * kChunk));
    EXPECT_TRUE(store.Open()->WriteAt(ByteOffset(0), header));
    FakeFile origin{Bytes(kChunk)};
    return CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadWrite);
  };
  EXPECT_TRUE(open(most));
  const auto disk = open(most + kSectorSize);
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().kind, ErrorKind::kUnsupported);
}

TEST_F(CowDiskTest, NothingBeyondTheEndIsReadOrWritten) {
  Make("AB");
  std::array<std::byte, 2> two{};
  EXPECT_EQ(disk_->Read(ByteOffset(2 * kChunk - 1), two).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(disk_->Write(ByteOffset(~std::uint64_t{0}), two).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(disk_->WriteZeroes(ByteOffset(1), Bytes(~std::uint64_t{0})).error().kind,
            ErrorKind::kUsage);
  EXPECT_TRUE(disk_->Read(ByteOffset(2 * kChunk), std::span(two).first(0)));
}

TEST_F(CowDiskTest, CountsWhatItDid) {
  Make("AB");
  ASSERT_TRUE(Write(0, "x"));
  EXPECT_FALSE(WriteBytes(2 * kChunk, "beyond"));
  ASSERT_TRUE(disk_->Flush());
  (void)Show();
  const DiskCounters counters = disk_->counters();
  EXPECT_EQ(counters.reads, 1U);
  EXPECT_EQ(counters.writes, 2U);
  EXPECT_EQ(counters.errors, 1U);
  EXPECT_EQ(counters.flushes, 1U);
  EXPECT_EQ(counters.bytes_read, Bytes(2 * kChunk));
  EXPECT_EQ(counters.bytes_written, Bytes(kChunk));
}

// The rest of a commit of more than a sector whose first sector was lost.
TEST_F(CowDiskTest, WhatIsTornInAnAreaWithoutEntriesIsZeroed) {
  constexpr std::size_t kPerArea = kChunk / kExceptionBytes;
  Make(std::string(2 * kPerArea, 'o'), Chunks(2 * kPerArea + 16));
  ASSERT_TRUE(Write(0, std::string(kPerArea, 'w')));
  ASSERT_TRUE(disk_->Flush());
  for (const std::uint64_t further : {std::uint64_t{0}, std::uint64_t{100}}) {
    ASSERT_EQ(Exceptions(), kPerArea);
    const ByteOffset area = Geometry(ChunkSize()).OffsetOf(Geometry(ChunkSize()).AreaChunk(1));
    disk_.reset();
    std::vector<std::byte> torn(kExceptionBytes);
    EncodeException({OriginChunk(300), StoreChunk(3)}, torn, 0);
    ASSERT_TRUE(store_->Open()->WriteAt(area + Bytes((32 + further) * kExceptionBytes), torn));
    Reopen();
    std::vector<std::byte> left(kChunk);
    ASSERT_TRUE(store_->Open()->ReadAt(area, left));
    EXPECT_EQ(left, std::vector<std::byte>(kChunk));
  }
}

TEST_F(CowDiskTest, AFailedSyncOfALongerStoreIsHeardByTheEngine) {
  Make("ABCD");
  ASSERT_TRUE(Write(1, "x"));
  store_->Resize(Bytes(128 * kChunk));
  store_->FailNext(FakeFile::Verb::kSync, EIO);
  EXPECT_FALSE(disk_->UpdateStoreSize());
  // The host forgets what it lost once it has told of it.
  const Result<void> flushed = disk_->Flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().os_errno, EIO);
}

// A clone shares the list's blocks; the host takes new ones for what is written to them next.
TEST_F(CowDiskTest, AfterACloneItIsTheWriteThatFindsNoRoomForItsException) {
  Make("ABCD");
  ASSERT_TRUE(Write(0, "a"));
  ASSERT_TRUE(disk_->AtCommittedMoment([] { return Result<void>{}; }));
  store_->FailNext(FakeFile::Verb::kAllocate, ENOSPC);
  EXPECT_EQ(Write(1, "b").error().os_errno, ENOSPC);
  EXPECT_TRUE(disk_->Flush());
  ASSERT_TRUE(Write(1, "b"));
  ASSERT_TRUE(Write(2, "c"));
  EXPECT_TRUE(disk_->Flush());
  Reopen();
  EXPECT_EQ(Show(), "abcD");
}

}  // namespace
}  // namespace veneer
