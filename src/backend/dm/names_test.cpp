#include "backend/dm/names.h"

#include <gtest/gtest.h>

namespace veneer::dm {
namespace {

TEST(DiskNameTest, FollowsTheRuleOfNames) {
  for (const std::string name : {"a", "0", "sb-0a1b2c3d", "a.b_c-d"}) {
    EXPECT_TRUE(RequireDiskName(name)) << name;
  }
  EXPECT_TRUE(RequireDiskName(std::string(63, 'x')));
  EXPECT_FALSE(RequireDiskName(std::string(64, 'x')));
  for (const std::string name : {"", "-a", ".a", "_a", "A", "a b", "a/b", "a:b", "ä", "a\n"}) {
    const auto judged = RequireDiskName(name);
    ASSERT_FALSE(judged) << name;
    EXPECT_EQ(judged.error().kind, ErrorKind::kUsage);
  }
}

TEST(DiskNameTest, AUuidTellsTheInstanceAndTheDisk) {
  const DeviceNames names = NamesOfDisk("1122", "web-1");
  EXPECT_EQ(names.name, "veneer-web-1");
  EXPECT_EQ(names.uuid, "VENEER-1122-web-1");
  EXPECT_EQ(DiskOfUuid("1122", names.uuid), "web-1");
  EXPECT_EQ(DiskOfUuid("112", names.uuid), std::nullopt);
  EXPECT_EQ(DiskOfUuid("1122", "LVM-1122-web-1"), std::nullopt);
}

TEST(DiskNameTest, AnOriginIsNeverTakenForADisk) {
  const DeviceNames names = NamesOfOrigin("1122", 3, Sectors(8192));
  EXPECT_EQ(names.name, "veneer-origin:3:8192");
  EXPECT_TRUE(IsOriginUuid("1122", names.uuid));
  EXPECT_EQ(DiskOfUuid("1122", names.uuid), std::nullopt);
  EXPECT_FALSE(IsOriginUuid("1122", NamesOfDisk("1122", "origin").uuid));
  EXPECT_FALSE(RequireDiskName("origin:3:8192"));
}

}  // namespace
}  // namespace veneer::dm
