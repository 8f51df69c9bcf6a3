#include "kernel/linux/device_node.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

// Device numbers without a driver: the nodes are made, never opened.
const dev_t kDevice = makedev(240, 7);
const dev_t kOther = makedev(240, 8);

class DeviceNodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::mknod((directory_ / "probe").c_str(), S_IFBLK | 0600, kDevice) != 0) {
      GTEST_SKIP() << "needs the right to make device nodes";
    }
  }
  [[nodiscard]] bool IsThere() const {
    struct stat status{};
    return ::lstat(path_.c_str(), &status) == 0;
  }

  testing::TempDirectory directory_;
  std::string path_ = directory_ / "node";
};

TEST_F(DeviceNodeTest, AMissingNodeIsMadeAndARightOneKept) {
  EXPECT_FALSE(IsBlockNode(path_, kDevice));
  ASSERT_TRUE(EnsureBlockNode(path_, kDevice));
  EXPECT_TRUE(IsBlockNode(path_, kDevice));
  EXPECT_FALSE(IsBlockNode(path_, kOther));
  struct stat before{};
  ASSERT_EQ(::lstat(path_.c_str(), &before), 0);
  ASSERT_TRUE(EnsureBlockNode(path_, kDevice));
  struct stat after{};
  ASSERT_EQ(::lstat(path_.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(DeviceNodeTest, AWrongNodeIsReplaced) {
  ASSERT_TRUE(EnsureBlockNode(path_, kOther));
  ASSERT_TRUE(EnsureBlockNode(path_, kDevice));
  EXPECT_TRUE(IsBlockNode(path_, kDevice));
}

TEST_F(DeviceNodeTest, OnlyTheNodeOfThatDeviceIsRemoved) {
  EXPECT_TRUE(RemoveBlockNode(path_, kDevice));
  ASSERT_TRUE(EnsureBlockNode(path_, kDevice));
  EXPECT_TRUE(RemoveBlockNode(path_, kOther));
  EXPECT_TRUE(IsThere());
  EXPECT_TRUE(RemoveBlockNode(path_, kDevice));
  EXPECT_FALSE(IsThere());
}

TEST_F(DeviceNodeTest, ALinkToNowhereIsRemoved) {
  ASSERT_EQ(::symlink("dm-4711", path_.c_str()), 0);
  EXPECT_TRUE(RemoveBlockNode(path_, kDevice));
  EXPECT_FALSE(IsThere());
}

TEST_F(DeviceNodeTest, ANodeWithoutADirectoryIsNotFound) {
  EXPECT_EQ(EnsureBlockNode(directory_ / "no/node", kDevice).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
