#include "kernel/linux/linux_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "kernel/linux/new_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class LinuxFileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return dir_ / name; }
  std::unique_ptr<LinuxFile> Make(const std::string& name, Bytes size) const {
    NewFile file = NewFile::Begin(Path(name), Replace::kNever).value();
    EXPECT_TRUE(file.file().Resize(size));
    EXPECT_TRUE(std::move(file).Publish());
    return LinuxFile::Open(Path(name), Access::kReadWrite).value();
  }

  testing::TempDirectory dir_;
};

std::vector<std::byte> Filled(std::size_t size, unsigned char value) {
  return std::vector<std::byte>(size, std::byte{value});
}

TEST_F(LinuxFileTest, ANewFileReadsAsZerosAndTakesNoSpace) {
  const auto file = Make("a", MiB(8));
  auto buffer = Filled(4096, 1);
  ASSERT_TRUE(file->ReadAt(ByteOffset(5000), buffer));
  EXPECT_EQ(buffer, Filled(4096, 0));
  EXPECT_EQ(file->Size().value(), MiB(8));
  EXPECT_EQ(file->AllocatedBytes().value(), Bytes(0));
  EXPECT_EQ(file->NextData(ByteOffset(0)).value().length, Bytes(0));
}

TEST_F(LinuxFileTest, AHoleReadsAsZerosAndIsSkippedByNextData) {
  const auto file = Make("a", MiB(1));
  ASSERT_TRUE(file->WriteAt(ByteOffset(0), Filled(MiB(1).value(), 7)));
  ASSERT_TRUE(file->PunchHole(ByteOffset(0), KiB(64)));
  auto buffer = Filled(KiB(64).value(), 1);
  ASSERT_TRUE(file->ReadAt(ByteOffset(0), buffer));
  EXPECT_EQ(buffer, Filled(KiB(64).value(), 0));
  EXPECT_EQ(file->NextData(ByteOffset(0)).value().begin, ByteOffset(KiB(64).value()));
  EXPECT_EQ(file->NextData(ByteOffset(0)).value().length, MiB(1) - KiB(64));
}

TEST_F(LinuxFileTest, ReadingBeyondTheEndIsCorruptData) {
  const auto file = Make("a", Bytes(100));
  auto buffer = Filled(200, 1);
  EXPECT_EQ(file->ReadAt(ByteOffset(0), buffer).error().kind, ErrorKind::kCorrupt);
}

TEST_F(LinuxFileTest, OpenSaysWhatIsWrong) {
  EXPECT_EQ(LinuxFile::Open(Path("no"), Access::kReadOnly).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(LinuxFile::Open(dir_.path(), Access::kReadOnly).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(LinuxFile::Open(dir_.path(), Access::kReadWrite).error().kind, ErrorKind::kUsage);
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(LinuxFile::Open(Path("pipe"), Access::kReadOnly).error().kind, ErrorKind::kUsage);
}

TEST_F(LinuxFileTest, AnExclusiveLockKeepsEveryOtherOpenerOut) {
  const auto first = Make("a", MiB(1));
  const auto second = LinuxFile::Open(Path("a"), Access::kReadWrite).value();
  const auto third = LinuxFile::Open(Path("a"), Access::kReadOnly).value();
  ASSERT_TRUE(first->TryLock(LinuxFile::Lock::kExclusive));
  EXPECT_EQ(second->TryLock(LinuxFile::Lock::kShared).error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(first->TryLock(LinuxFile::Lock::kShared));
  EXPECT_TRUE(third->TryLock(LinuxFile::Lock::kShared));
}

TEST_F(LinuxFileTest, WhatLiesBehindAHoleThatIsJustPunchedIsFound) {
  const auto file = Make("a", MiB(1));
  const ByteOffset last(MiB(1).value() - KiB(4).value());
  ASSERT_TRUE(file->WriteAt(last, Filled(KiB(4).value(), 7)));
  std::atomic<bool> stop = false;
  const auto other = LinuxFile::Open(dir_ / "a", Access::kReadWrite).value();
  const std::jthread puncher([&] {
    while (!stop) {
      ASSERT_TRUE(other->WriteAt(ByteOffset(0), Filled(KiB(64).value(), 8)));
      ASSERT_TRUE(other->PunchHole(ByteOffset(0), KiB(64)));
    }
  });
  constexpr int kLooks = 20'000;
  int nothing = 0;
  for (int look = 0; look < kLooks; ++look) {
    if (file->NextData(ByteOffset(0)).value().length == Bytes(0)) ++nothing;
  }
  stop = true;
  EXPECT_EQ(nothing, 0);
}

}  // namespace
}  // namespace veneer
