#include "library/disk_host.h"

#include <gmock/gmock.h>

#include "library/library_fixture.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;

TEST(DiskHostTest, TheUserBackendNeedsTheProgramThatServes) {
  const auto refused = DiskHost::Open(BackendKind::kUser);
  EXPECT_EQ(KindOf(refused), ErrorKind::kUsage);
  EXPECT_THAT(refused.error().hint, HasSubstr("DiskHostOptions::server"));
}

TEST_F(LibraryTest, AHostCanBeMoved) {
  DiskHost moved = std::move(host_);
  const auto made = RestoreSnapshot(moved, SnapshotOf("a"));
  ASSERT_TRUE(made);
  host_ = std::move(moved);
  EXPECT_TRUE(RemoveSnapshot(host_, made->path));
}

}  // namespace
}  // namespace veneer
