#include "cow/flatten.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cow/cow_disk.h"
#include "cow/create.h"
#include "kernel/linux/new_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

// On the file system of the tests, whatever it can; reflink needs XFS or btrfs.
class FlattenTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSize = (std::uint64_t{4} << 20U) + 1234;

  void SetUp() override {
    std::vector<std::byte> half(kSize / 2, std::byte{'o'});
    NewFile origin = NewFile::Begin(Path("origin"), Replace::kNever).value();
    ASSERT_TRUE(origin.file().Resize(Bytes(kSize)));
    ASSERT_TRUE(origin.file().WriteAt(ByteOffset(0), half));
    ASSERT_TRUE(std::move(origin).Publish());
    ASSERT_TRUE(
        CreateStore(Path("store"), {.chunk_size = ChunkSize(), .origin_size = Bytes(kSize)}));
    disk_ = CowDisk::Open(Open("origin"), Open("store", Access::kReadWrite), DiskAccess::kReadWrite)
                .value();
  }

  std::string Path(const std::string& name) const { return dir_ / name; }
  std::unique_ptr<LinuxFile> Open(const std::string& name,
                                  Access access = Access::kReadOnly) const {
    return LinuxFile::Open(Path(name), access).value();
  }
  static std::vector<std::byte> Read(const File& file) {
    std::vector<std::byte> contents(file.Size().value().value());
    EXPECT_TRUE(file.ReadAt(ByteOffset(0), contents));
    return contents;
  }
  void Write(std::uint64_t at, std::size_t length, char fill) const {
    const std::vector<std::byte> data(length, static_cast<std::byte>(fill));
    ASSERT_TRUE(disk_->Write(ByteOffset(at), data));
  }
  std::vector<std::byte> Shown() const {
    std::vector<std::byte> contents(kSize);
    EXPECT_TRUE(disk_->Read(ByteOffset(0), contents));
    return contents;
  }
  Result<FlattenReport> FlattenTo(const std::string& name,
                                  const FlattenOptions& options = {}) const {
    return Flatten(*Open("origin"), *Open("store"), Path(name), options);
  }

  testing::TempDirectory dir_;
  std::unique_ptr<CowDisk> disk_;
};

TEST_F(FlattenTest, IsBitForBitWhatTheDiskShows) {
  Write(100, 5000, 'a');
  Write(1 << 20, 300'000, 'b');
  Write(kSize - 700, 700, 'z');
  ASSERT_TRUE(disk_->WriteZeroes(ByteOffset(1 << 19), KiB(64)));
  ASSERT_TRUE(disk_->Flush());
  for (const FlattenMethod method : {FlattenMethod::kAuto, FlattenMethod::kCopy}) {
    const std::string name = method == FlattenMethod::kAuto ? "auto" : "copy";
    const FlattenReport report = FlattenTo(name, {.method = method}).value();
    EXPECT_EQ(Read(*Open(name)), Shown());
    EXPECT_EQ(report.size, Bytes(kSize));
    EXPECT_EQ(report.runs, 4U);
    EXPECT_GE(report.changed, KiB(64) + Bytes(300'000 + 5000 + 700));
  }
}

TEST_F(FlattenTest, HolesStayHoles) {
  ASSERT_TRUE(disk_->WriteZeroes(ByteOffset(0), MiB(1)));
  ASSERT_TRUE(disk_->Flush());
  ASSERT_TRUE(FlattenTo("out", {.method = FlattenMethod::kCopy}));
  EXPECT_EQ(Read(*Open("out")), Shown());
  EXPECT_LE(Open("out")->AllocatedBytes().value(), Bytes(kSize / 2) - MiB(1) + KiB(64));
  EXPECT_EQ(Open("out")->NextData(ByteOffset(0)).value().begin, ByteOffset(MiB(1).value()));
}

TEST_F(FlattenTest, AnUnchangedDiskIsItsOrigin) {
  const FlattenReport report = FlattenTo("out").value();
  EXPECT_EQ(report.runs, 0U);
  EXPECT_EQ(Read(*Open("out")), Read(*Open("origin")));
}

TEST_F(FlattenTest, ProgressReachesItsEndAndNeverGoesBack) {
  Write(0, 1 << 20, 'a');
  ASSERT_TRUE(disk_->Flush());
  Bytes last;
  Bytes total;
  ASSERT_TRUE(FlattenTo("out", {.progress = [&](Bytes done, Bytes all) {
                          EXPECT_GE(done, last);
                          EXPECT_LE(done, all);
                          last = done;
                          total = all;
                        }}));
  EXPECT_GT(last, Bytes(0));
  EXPECT_EQ(last, total);
}

TEST_F(FlattenTest, NeverOverwritesAnInputAndNothingElseUntold) {
  const auto origin = Read(*Open("origin"));
  for (const char* name : {"origin", "store"}) {
    EXPECT_EQ(FlattenTo(name, {.replace = Replace::kExisting}).error().kind, ErrorKind::kConflict);
  }
  std::filesystem::create_hard_link(Path("origin"), Path("alias"));
  EXPECT_EQ(FlattenTo("alias", {.replace = Replace::kExisting}).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Read(*Open("origin")), origin);
  ASSERT_TRUE(FlattenTo("out"));
  EXPECT_EQ(FlattenTo("out").error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(FlattenTo("out", {.replace = Replace::kExisting}));
}

TEST_F(FlattenTest, ADamagedStoreMakesNoOutput) {
  Write(0, 4096, 'a');
  ASSERT_TRUE(disk_->Flush());
  const std::vector<std::byte> junk(16, std::byte{0xff});
  ASSERT_TRUE(Open("store", Access::kReadWrite)->WriteAt(ByteOffset(4096 + 16), junk));
  EXPECT_EQ(FlattenTo("out").error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

TEST_F(FlattenTest, AnOriginOfAnotherSizeIsRefused) {
  std::filesystem::resize_file(Path("origin"), kSize + 4096);
  EXPECT_EQ(FlattenTo("out").error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace veneer
