#include "kernel/linux/linux_mounts.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class LinuxMountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(std::filesystem::create_directory(path_));
    ASSERT_EQ(::mount("a name", path_.c_str(), "tmpfs", 0, nullptr), 0);
  }
  void TearDown() override { ::umount2(path_.c_str(), MNT_DETACH); }

  testing::TempDirectory directory_;
  std::string path_ = directory_ / "a b";
  LinuxMounts mounts_;
};

TEST_F(LinuxMountsTest, AMountIsFoundAtItsPath) {
  const auto entry = mounts_.At(path_).value();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->type, "tmpfs");
  EXPECT_EQ(entry->source, "a name");
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(entry->device, status.st_dev);
  EXPECT_FALSE(mounts_.At(directory_.path()).value());
}

TEST_F(LinuxMountsTest, WhatIsNotThereOrNotMountedOnIsNoMount) {
  EXPECT_FALSE(mounts_.At(directory_ / "missing").value());
  EXPECT_FALSE(mounts_.At(directory_ / "missing/below").value());
  testing::MakeFile(path_ + "/file", KiB(4));
  EXPECT_FALSE(mounts_.At(path_ + "/file").value());
  EXPECT_FALSE(mounts_.At(path_ + "/file/below").value());
}

// As the mount of a disk is: of a file on a file. Its device says nothing.
TEST_F(LinuxMountsTest, AFileOnAFileOfTheSameFileSystemIsFound) {
  const std::string from = path_ + "/from";
  const std::string on = path_ + "/on";
  testing::MakeFile(from, KiB(4));
  testing::MakeFile(on, KiB(4));
  ASSERT_EQ(::mount(from.c_str(), on.c_str(), nullptr, MS_BIND, nullptr), 0);
  const auto entry = mounts_.At(on).value();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->root, "/from");
  EXPECT_TRUE(mounts_.Unmount(on, UnmountMode::kNormal));
  EXPECT_FALSE(mounts_.At(on).value());
}

TEST_F(LinuxMountsTest, AMountInUseIsAConflictAndALazyUnmountTakesItAway) {
  const auto file = testing::MakeFile(path_ + "/open", KiB(4));
  EXPECT_EQ(mounts_.Unmount(path_, UnmountMode::kNormal).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(mounts_.At(path_).value());
  EXPECT_TRUE(mounts_.Unmount(path_, UnmountMode::kLazy));
  EXPECT_FALSE(mounts_.At(path_).value());
  EXPECT_EQ(mounts_.Unmount(path_, UnmountMode::kNormal).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
