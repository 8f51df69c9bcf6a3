#include "kernel/mount_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace veneer {
namespace {

TEST(MountTableTest, ALineGivesAllItsFields) {
  const auto table = ParseMountTable(
      "36 35 98:7 /sub /mnt2 rw,noatime master:1 shared:9 - ext3 /dev/root rw,errors=continue\n");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].id, 36U);
  EXPECT_EQ(table[0].parent, 35U);
  EXPECT_EQ(table[0].device, makedev(98, 7));
  EXPECT_EQ(table[0].root, "/sub");
  EXPECT_EQ(table[0].path, "/mnt2");
  EXPECT_EQ(table[0].type, "ext3");
  EXPECT_EQ(table[0].source, "/dev/root");
}

TEST(MountTableTest, OptionalFieldsMayBeMissing) {
  const auto table = ParseMountTable("1 1 0:5 / /a rw - fuse.veneer /run/x.sock rw");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].type, "fuse.veneer");
  EXPECT_EQ(table[0].source, "/run/x.sock");
}

TEST(MountTableTest, EscapesAreUndone) {
  const auto table =
      ParseMountTable("1 1 0:5 / /a\\040b\\011c\\134d\\012e\\9\\04 rw - tmpfs x\\040y rw\n");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].path, "/a b\tc\\d\ne\\9\\04");
  EXPECT_EQ(table[0].source, "x y");
}

TEST(MountTableTest, LinesThatDoNotFitAreLeftOut) {
  EXPECT_TRUE(ParseMountTable("").empty());
  EXPECT_TRUE(ParseMountTable("\n\n \n").empty());
  EXPECT_TRUE(ParseMountTable("36 35 98:0 / /mnt2 rw ext3 /dev/root rw\n").empty());  // no dash
  EXPECT_TRUE(ParseMountTable("x 35 98:0 / /mnt2 rw - ext3 /dev/root rw\n").empty());
  EXPECT_TRUE(ParseMountTable("36 35 98 / /mnt2 rw - ext3 /dev/root rw\n").empty());
  EXPECT_TRUE(ParseMountTable("36 35 98:0 / /mnt2 rw -\n").empty());
  EXPECT_TRUE(ParseMountTable("99999999999999999999999 35 98:0 / /mnt2 rw - ext3 a rw\n").empty());
  EXPECT_EQ(ParseMountTable("rubbish\n36 35 98:0 / /mnt2 rw - ext3 a rw\n").size(), 1U);
}

TEST(MountTableTest, TheTopmostOfStackedMountsIsTheOneThatIsSeen) {
  const auto table = ParseMountTable(
      "50 40 0:2 / /mnt rw - tmpfs upper rw\n"
      "40 1 0:1 / /mnt rw - tmpfs lower rw\n"
      "60 1 0:3 / /mnt/sub rw - tmpfs other rw\n");
  ASSERT_NE(MountAt(table, "/mnt"), nullptr);
  EXPECT_EQ(MountAt(table, "/mnt")->source, "upper");
  EXPECT_EQ(MountAt(table, "/mnt/"), nullptr);
  EXPECT_EQ(MountAt(table, "/"), nullptr);
}

TEST(MountTableTest, TheRootThatIsItsOwnParentIsSeen) {
  const auto table = ParseMountTable("2 2 0:1 / / rw - rootfs none rw\n");
  ASSERT_NE(MountAt(table, "/"), nullptr);
}

}  // namespace
}  // namespace veneer
