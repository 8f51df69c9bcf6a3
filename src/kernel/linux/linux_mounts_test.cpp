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
