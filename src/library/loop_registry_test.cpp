#include "library/loop_registry.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <iterator>
#include <vector>

#include "backend/run_directory.h"
#include "library/library_fixture.h"

namespace veneer {
namespace {

class LoopRegistryTest : public LibraryTest {
 protected:
  void SetUp() override { ASSERT_TRUE(PrepareRunDirectory(run_ + "/dm")); }

  LoopRegistry registry_ = OpenRegistry();
};

TEST_F(LoopRegistryTest, ATemplateHasOneDeviceAsLongAsSomebodyHasAShare) {
  {
    const auto one = registry_.Acquire(image_);
    ASSERT_TRUE(one) << one.error().what;
    EXPECT_EQ(one->path, "/dev/loop0");
    {
      const auto other = registry_.Acquire(image_);
      ASSERT_TRUE(other);
      EXPECT_EQ(other->path, one->path);
    }
    EXPECT_EQ(loops_.Bound(), 1U);
  }
  EXPECT_EQ(loops_.Bound(), 0U);
}

TEST_F(LoopRegistryTest, ASnapshotTakesTheDeviceOfTheRegistryAndKeepsIt) {
  auto share = registry_.Acquire(image_);
  ASSERT_TRUE(share);
  const auto made = RestoreSnapshot(host_, SnapshotOf("a"));
  ASSERT_TRUE(made);
  EXPECT_EQ(loops_.Bound(), 2U);  // the image's, and the store's
  share->hold.Close();
  EXPECT_EQ(loops_.Bound(), 2U);
  EXPECT_TRUE(RemoveSnapshot(host_, made->path));
  ExpectNothingIsLeft();
}

TEST_F(LoopRegistryTest, SixteenSnapshotsFillADeviceAndTheNextShareIsInANewOne) {
  const auto first = registry_.Acquire(image_);
  ASSERT_TRUE(first);
  std::vector<std::string> paths;
  for (int i = 0; i < 16; ++i) {
    const auto made = CreateSnapshot(host_, SnapshotOf("s" + std::to_string(i)));
    ASSERT_TRUE(made) << made.error().what;
    paths.push_back(made->path);
  }
  EXPECT_EQ(loops_.Bound(), 1U + 16U);
  const auto next = registry_.Acquire(image_);
  ASSERT_TRUE(next);
  EXPECT_NE(next->path, first->path);
  for (const std::string& path : paths) EXPECT_TRUE(RemoveSnapshot(host_, path));
  EXPECT_EQ(loops_.Bound(), 2U);
}

TEST_F(LoopRegistryTest, NoNoteOfAReleasedDeviceStaysForLong) {
  const std::string other = directory_ / "other";
  testing::MakeFile(other, MiB(1));
  EXPECT_TRUE(registry_.Acquire(image_));
  const auto share = registry_.Acquire(other);
  ASSERT_TRUE(share);
  const std::filesystem::directory_iterator notes(run_ + "/dm/origins");
  EXPECT_EQ(std::distance(begin(notes), end(notes)), 1);
}

TEST_F(LoopRegistryTest, AnImageThatCannotHaveADeviceIsRefused) {
  EXPECT_EQ(KindOf(registry_.Acquire(directory_ / "none")), ErrorKind::kNotFound);
  EXPECT_EQ(KindOf(registry_.Acquire(directory_.path())), ErrorKind::kUsage);
  std::filesystem::resize_file(image_, 1000);
  EXPECT_EQ(KindOf(registry_.Acquire(image_)), ErrorKind::kUsage);
  EXPECT_EQ(loops_.Bound(), 0U);
}

TEST_F(LoopRegistryTest, AHostWithoutAFreeDeviceSaysSo) {
  loops_.SetLimit(0);
  EXPECT_FALSE(registry_.Acquire(image_));
}

}  // namespace
}  // namespace veneer
