// Disks that are larger than their image.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "cow/create.h"
#include "cow/disk_size.h"
#include "cow/flatten.h"
#include "cow/padded_file.h"
#include "kernel/testing/fake_file.h"
#include "kernel/linux/new_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using testing::FakeFile;
using Contents = std::vector<std::byte>;

Contents Letters(std::size_t count, char letter = 'o') {
  return Contents(count, static_cast<std::byte>(letter));
}

// 5000 bytes of data, then zeros up to 20000.
class PaddedFileTest : public ::testing::Test {
 protected:
  FakeFile image_{Letters(5000)};
  PaddedFile file_{image_.Open(), Bytes(5000), Bytes(20'000)};
};

TEST_F(PaddedFileTest, ReadsTheFileAndThenZeros) {
  EXPECT_EQ(file_.Size().value(), Bytes(20'000));
  for (const std::size_t at : {0U, 4990U, 4999U, 5000U, 5001U, 19'990U}) {
    Contents read(10, std::byte{7});
    ASSERT_TRUE(file_.ReadAt(ByteOffset(at), read)) << at;
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i], at + i < 5000 ? std::byte{'o'} : std::byte{0}) << at + i;
    }
  }
  Contents ten(10);
  EXPECT_FALSE(file_.ReadAt(ByteOffset(19'991), ten));
  EXPECT_FALSE(file_.ReadAt(ByteOffset(~std::uint64_t{0}), ten));
  EXPECT_TRUE(file_.ReadAt(ByteOffset(20'000), std::span(ten).first(0)));
}

TEST_F(PaddedFileTest, ZerosAreNoData) {
  for (const std::uint64_t from : {0U, 100U, 4999U}) {
    const Extent data = file_.NextData(ByteOffset(from)).value();
    EXPECT_EQ(data.begin, ByteOffset(from));
    EXPECT_EQ(data.end(), ByteOffset(5000));
  }
  for (const std::uint64_t from : {5000U, 5001U, 19'999U, 20'000U}) {
    const Extent data = file_.NextData(ByteOffset(from)).value();
    EXPECT_EQ(data.begin, ByteOffset(20'000));
    EXPECT_EQ(data.length, Bytes(0));
  }
}

TEST_F(PaddedFileTest, IsNeverWrittenTo) {
  const Contents data = Letters(1);
  EXPECT_EQ(ErrnoOf(file_.WriteAt(ByteOffset(0), data).error()), EROFS);
  EXPECT_EQ(ErrnoOf(file_.PunchHole(ByteOffset(0), Bytes(1)).error()), EROFS);
  EXPECT_EQ(ErrnoOf(file_.Allocate(ByteOffset(6000), Bytes(1)).error()), EROFS);
}

TEST(DiskSizeTest, FollowsTheRecordAndRefusesAnotherImage) {
  StoreHeader header{Activation::kValid, ChunkSize(), std::nullopt};
  EXPECT_EQ(DiskSizeOf(header, Bytes(777)).value(), Bytes(777));
  header.recorded = RecordedSizes{.origin_size = Bytes(777), .disk_size = Bytes(4096)};
  EXPECT_EQ(DiskSizeOf(header, Bytes(777)).value(), Bytes(4096));
  for (const Bytes other : {Bytes(0), Bytes(776), Bytes(778), Bytes(4096)}) {
    EXPECT_EQ(DiskSizeOf(header, other).error().kind, ErrorKind::kCorrupt) << other.value();
  }
  EXPECT_TRUE(RequireDiskSize(header, Bytes(4096)));
  EXPECT_EQ(RequireDiskSize(header, Bytes(777)).error().kind, ErrorKind::kCorrupt);
}

class LargerDiskTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::uint64_t kDisk = std::uint64_t{4} << 20U;

  void SetUp() override {
    image_ = Letters(GetParam());
    auto origin = NewFile::Begin(dir_ / "origin", Replace::kNever).value();
    ASSERT_TRUE(origin.file().WriteAt(ByteOffset(0), image_));
    ASSERT_TRUE(std::move(origin).Publish());
    ASSERT_TRUE(CreateStore(dir_ / "store", {.chunk_size = ChunkSize(),
                                             .origin_size = Bytes(image_.size()),
                                             .disk_size = Bytes(kDisk)}));
    image_.resize(kDisk);
  }
  std::unique_ptr<LinuxFile> Open(const std::string& name, Access access = Access::kReadOnly) {
    return LinuxFile::Open(dir_ / name, access).value();
  }
  std::unique_ptr<CowDisk> OpenDisk(DiskAccess access = DiskAccess::kReadWrite) {
    return CowDisk::Open(Open("origin"), Open("store", Access::kReadWrite), access).value();
  }
  static Contents Read(CowDisk& disk) {
    Contents contents(disk.size().value());
    EXPECT_TRUE(disk.Read(ByteOffset(0), contents));
    return contents;
  }
  void Write(CowDisk& disk, std::uint64_t at, std::size_t length, char letter) {
    const Contents data = Letters(length, letter);
    ASSERT_TRUE(disk.Write(ByteOffset(at), data));
    std::ranges::copy(data, image_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  testing::TempDirectory dir_;
  Contents image_;  // what the disk must show
};

TEST_P(LargerDiskTest, IsZerosBehindTheImageUntilItIsWritten) {
  const std::uint64_t border = GetParam();
  {
    const auto disk = OpenDisk();
    EXPECT_EQ(disk->size(), Bytes(kDisk));
    EXPECT_EQ(Read(*disk), image_);
    Write(*disk, border - 1, 2, 'b');
    Write(*disk, (border + kDisk) / 2, 9000, 'm');
    Write(*disk, kDisk - 3, 3, 'e');
    EXPECT_EQ(Read(*disk), image_);
    ASSERT_TRUE(disk->Flush());
  }
  EXPECT_EQ(Read(*OpenDisk(DiskAccess::kReadOnly)), image_);
  const auto report = CheckStore(*Open("store"), Bytes(border),
                                 [](const Fault& fault) { ADD_FAILURE() << fault.message; });
  EXPECT_EQ(report->faults, 0U);
}

TEST_P(LargerDiskTest, FlattensToAnImageOfTheDisksSizeWithAHoleAtItsEnd) {
  {
    const auto disk = OpenDisk();
    Write(*disk, GetParam() + 10'000, 5000, 'm');
    ASSERT_TRUE(disk->Flush());
  }
  for (const FlattenMethod method : {FlattenMethod::kAuto, FlattenMethod::kCopy}) {
    const auto report = Flatten(*Open("origin"), *Open("store"), dir_ / "flat",
                                {.method = method, .replace = Replace::kExisting});
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(report->size, Bytes(kDisk));
    const auto flat = Open("flat");
    EXPECT_EQ(flat->Size().value(), Bytes(kDisk));
    Contents contents(kDisk);
    ASSERT_TRUE(flat->ReadAt(ByteOffset(0), contents));
    EXPECT_EQ(contents, image_);
    EXPECT_EQ(flat->NextData(ByteOffset(GetParam() + (1U << 20U))).value().length, Bytes(0));
  }
}

TEST_P(LargerDiskTest, ZeroesBehindTheImageCostNothing) {
  const auto disk = OpenDisk();
  const std::uint64_t from = (GetParam() + 4095) / 4096 * 4096;
  ASSERT_TRUE(disk->WriteZeroes(ByteOffset(from), Bytes(kDisk - from)));
  ASSERT_TRUE(disk->Flush());
  EXPECT_EQ(disk->Fill().used, KiB(8)) << "header and area";
}

INSTANTIATE_TEST_SUITE_P(ImageBytes, LargerDiskTest,
                         ::testing::Values(1, 511, 4096, 10'000, 1 << 20, (1 << 20) + 4095));

TEST(CreateStoreTest, RefusesADiskThatCannotBe) {
  const testing::TempDirectory dir;
  const auto create = [&](Bytes origin, Bytes disk) {
    return CreateStore(dir / "store", {.chunk_size = {}, .origin_size = origin, .disk_size = disk});
  };
  EXPECT_EQ(create(KiB(8), KiB(4)).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(create(KiB(8), KiB(8) + Bytes(511)).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(create(Bytes(0), KiB(8)).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(dir.List(), std::vector<std::string>{});
  EXPECT_TRUE(create(Bytes(777), Bytes(777))) << "an image may have any size, and its disk too";
}

}  // namespace
}  // namespace veneer
