#include "cow/clone.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kernel/linux/range_copier.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

// On the file system of the tests, whatever it can; reflink needs XFS or btrfs.
class CloneTest : public ::testing::Test {
 protected:
  static constexpr Bytes kSize = MiB(8) + Bytes(1000);

  void SetUp() override {
    source_ = testing::MakeFile(dir_ / "source", kSize);
    Write(0, 100'000, 'a');
    Write(MiB(5).value() + 10, 5000, 'b');
    Write(kSize.value() - 3, 3, 'c');
  }
  void Write(std::uint64_t at, std::size_t length, char fill) const {
    const std::vector<std::byte> data(length, static_cast<std::byte>(fill));
    ASSERT_TRUE(source_->WriteAt(ByteOffset(at), data));
  }
  std::unique_ptr<LinuxFile> Open(const std::string& name) const {
    return LinuxFile::Open(dir_ / name, Access::kReadOnly).value();
  }
  static std::vector<std::byte> Read(const File& file) {
    std::vector<std::byte> contents(file.Size().value().value());
    EXPECT_TRUE(file.ReadAt(ByteOffset(0), contents));
    return contents;
  }
  // What the file system can, asked in another way.
  CloneMethod Best() const {
    const auto probe = testing::MakeFile(dir_ / "probe", Bytes(0));
    return RangeCopier::CloneWhole(*source_, *probe) ? CloneMethod::kReflink : CloneMethod::kCopy;
  }

  testing::TempDirectory dir_;
  std::unique_ptr<LinuxFile> source_;
};

TEST_F(CloneTest, HasTheContentsAndTheHoles) {
  const CloneReport report = CloneFile(*source_, dir_ / "copy").value();
  EXPECT_EQ(report.size, kSize);
  EXPECT_EQ(report.method, Best());
  EXPECT_EQ(Read(*Open("copy")), Read(*source_));
  EXPECT_LE(Open("copy")->AllocatedBytes().value(), source_->AllocatedBytes().value() + KiB(64));
}

TEST_F(CloneTest, LaterWritesToTheSourceDoNotReachIt) {
  ASSERT_TRUE(CloneFile(*source_, dir_ / "copy"));
  const auto before = Read(*source_);
  Write(4096, 4096, 'z');
  EXPECT_EQ(Read(*Open("copy")), before);
}

TEST_F(CloneTest, HasNoNameUntilItIsPublished) {
  {
    ClonedFile clone = BeginClone(*source_, dir_ / "copy").value();
    EXPECT_EQ(dir_.List(), std::vector<std::string>{"source"});
    EXPECT_EQ(Read(clone.file.file()), Read(*source_));
  }
  EXPECT_EQ(dir_.List(), std::vector<std::string>{"source"});
  ClonedFile clone = BeginClone(*source_, dir_ / "copy").value();
  ASSERT_TRUE(std::move(clone.file).Publish());
  EXPECT_EQ(Read(*Open("copy")), Read(*source_));
}

TEST_F(CloneTest, NeverReplacesAFile) {
  EXPECT_EQ(CloneFile(*source_, dir_ / "source").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Read(*Open("source")), Read(*source_));
}

TEST_F(CloneTest, NothingButAHoleIsCopiedToo) {
  const auto empty = testing::MakeFile(dir_ / "empty", Bytes(0));
  const auto hole = testing::MakeFile(dir_ / "hole", GiB(100));
  EXPECT_EQ(CloneFile(*empty, dir_ / "empty-copy").value().size, Bytes(0));
  EXPECT_EQ(CloneFile(*hole, dir_ / "hole-copy").value().size, GiB(100));
  EXPECT_EQ(Open("hole-copy")->Size().value(), GiB(100));
  EXPECT_LE(Open("hole-copy")->AllocatedBytes().value(), KiB(64));
}

TEST_F(CloneTest, ProgressReachesItsEndAndNeverGoesBack) {
  Bytes last;
  Bytes total;
  ASSERT_TRUE(CloneFile(*source_, dir_ / "copy", [&](Bytes done, Bytes all) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, all);
    last = done;
    total = all;
  }));
  EXPECT_GT(last, Bytes(0));
  EXPECT_EQ(last, total);
}

}  // namespace
}  // namespace veneer
