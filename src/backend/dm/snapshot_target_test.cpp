#include "backend/dm/snapshot_target.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace veneer::dm {
namespace {

TEST(SnapshotTargetTest, TheTableNamesDevicesAndChunks) {
  const auto table = SnapshotTable({.origin = makedev(7, 1), .store = makedev(7, 20)},
                                   Sectors(8192), *ChunkSize::FromBytes(KiB(64)));
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0], (DmTarget{.start = Sectors(0),
                                .length = Sectors(8192),
                                .type = "snapshot",
                                .params = "7:1 7:20 PO 128 1 discard_zeroes_cow"}));
}

TEST(SnapshotTargetTest, APaddedOriginIsTheImageAndThenZeros) {
  const auto table = PaddedOriginTable(makedev(7, 1), Sectors(100), Sectors(8192));
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(
      table[0],
      (DmTarget{.start = Sectors(0), .length = Sectors(100), .type = "linear", .params = "7:1 0"}));
  EXPECT_EQ(
      table[1],
      (DmTarget{.start = Sectors(100), .length = Sectors(8092), .type = "zero", .params = ""}));
}

TEST(SnapshotTargetTest, AStatusTellsHowFullTheStoreIs) {
  const auto fill = ParseSnapshotStatus("16/1024 16");
  ASSERT_TRUE(fill);
  EXPECT_EQ(fill->condition, StoreCondition::kGood);
  EXPECT_EQ(fill->used, KiB(8));
  EXPECT_EQ(fill->capacity, KiB(512));
}

TEST(SnapshotTargetTest, TheOtherConditionsHaveNames) {
  EXPECT_EQ(ParseSnapshotStatus("Overflow")->condition, StoreCondition::kOverflow);
  EXPECT_EQ(ParseSnapshotStatus("Invalid")->condition, StoreCondition::kInvalid);
  EXPECT_EQ(ParseSnapshotStatus("Merge failed")->condition, StoreCondition::kInvalid);
}

TEST(SnapshotTargetTest, WhatIsNoStatusIsAnError) {
  for (const char* text :
       {"", "Unknown", "16", "16/", "16/1024", "16/1024 ", "16/1024 x", "-1/2 3", "16/1024 16 ",
        "16 /1024 16", "99999999999999999999/1 1", "18446744073709551615/1 1"}) {
    EXPECT_FALSE(ParseSnapshotStatus(text)) << text;
  }
}

TEST(SnapshotTargetTest, ADeviceWithAnotherTableIsNoDisk) {
  DmState state;
  EXPECT_FALSE(FillOf(state));
  state.status = {{.start = Sectors(0), .length = Sectors(8), .type = "linear", .params = ""}};
  EXPECT_FALSE(FillOf(state));
}

}  // namespace
}  // namespace veneer::dm
