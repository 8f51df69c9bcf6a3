// The snapshots' entry points on models of the kernel: what comes of them, and of each refusal.
#include "library/snapshot.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <stop_token>
#include <thread>

#include "format/testing/put_exception.h"
#include "library/library_fixture.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;
using testing::FaultMoment;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SnapshotTest : public LibraryTest {};

TEST_F(SnapshotTest, IsMadeRemovedAndRestored) {
  const auto made = CreateSnapshot(host_, SnapshotOf("b"));
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_EQ(made->path, "/dev/mapper/veneer-b");
  EXPECT_TRUE(devices_.Has("veneer-b"));
  EXPECT_TRUE(RemoveSnapshot(host_, made->path));
  ExpectNothingIsLeft();
  EXPECT_TRUE(HasStore("b"));
  const auto restored = RestoreSnapshot(host_, SnapshotOf("b"));
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(restored->path, made->path);
  EXPECT_TRUE(RemoveSnapshot(host_, restored->path));
  ExpectNothingIsLeft();
}

TEST_F(SnapshotTest, HasTheSizesThatWereAskedFor) {
  const auto made = CreateSnapshot(
      host_, SnapshotOf("b"), {.chunk_size = KiB(64), .disk_size = MiB(8), .max_change = MiB(1)});
  ASSERT_TRUE(made) << made.error().what;
  const auto table = devices_.TableOf("veneer-b");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].length, Sectors(16384));
  EXPECT_THAT(table[0].params, HasSubstr(" PO 128 "));
  EXPECT_LT(std::filesystem::file_size(StoreOf("b")), MiB(2).value());
  EXPECT_TRUE(RemoveSnapshot(host_, made->path));
}

TEST_F(SnapshotTest, OneWhoseNameIsTakenLeavesNoStore) {
  const auto first = CreateSnapshot(host_, SnapshotOf("b"));
  ASSERT_TRUE(first);
  SnapshotRequest second = SnapshotOf("b");
  second.store = StoreOf("c");
  const auto refused = CreateSnapshot(host_, second);
  EXPECT_EQ(KindOf(refused), ErrorKind::kConflict);
  EXPECT_THAT(refused.error().what, HasSubstr("the name b is taken"));
  EXPECT_FALSE(HasStore("c"));
  EXPECT_TRUE(RemoveSnapshot(host_, first->path));
}

TEST_F(SnapshotTest, AStoreThatIsThereIsNotMadeAgainAndStays) {
  testing::PutException(StoreOf("a"), {OriginChunk(0), StoreChunk(2)});
  EXPECT_EQ(KindOf(CreateSnapshot(host_, SnapshotOf("a"))), ErrorKind::kConflict);
  EXPECT_EQ(DiskUsage(StoreOf("a"))->changed, KiB(4));
}

TEST_F(SnapshotTest, WhatCannotBeIsRefusedAndLeavesNothing) {
  SnapshotRequest bad_name = SnapshotOf("b");
  bad_name.name = "../b";
  EXPECT_EQ(KindOf(CreateSnapshot(host_, bad_name)), ErrorKind::kUsage);
  EXPECT_EQ(KindOf(CreateSnapshot(host_, SnapshotOf("b"), {.chunk_size = Bytes(5000)})),
            ErrorKind::kUsage);
  EXPECT_EQ(KindOf(CreateSnapshot(host_, SnapshotOf("b"), {.disk_size = MiB(1)})),
            ErrorKind::kUsage);
  std::filesystem::resize_file(image_, 1000);
  EXPECT_EQ(KindOf(CreateSnapshot(host_, SnapshotOf("b"))), ErrorKind::kUsage);
  EXPECT_FALSE(HasStore("b"));
  ExpectNothingIsLeft();
}

TEST_F(SnapshotTest, AMissingImageOrStoreIsNamed) {
  const auto no_store = RestoreSnapshot(host_, SnapshotOf("b"));
  EXPECT_EQ(KindOf(no_store), ErrorKind::kNotFound);
  EXPECT_THAT(no_store.error().what, HasSubstr("b.cow"));
  std::filesystem::remove(image_);
  EXPECT_EQ(KindOf(CreateSnapshot(host_, SnapshotOf("b"))), ErrorKind::kNotFound);
  EXPECT_EQ(KindOf(RestoreSnapshot(host_, SnapshotOf("a"))), ErrorKind::kNotFound);
  EXPECT_FALSE(HasStore("b"));
}

TEST_F(SnapshotTest, AHostWithoutTheTargetIsToldAndKeepsNothing) {
  devices_.Lack("snapshot");
  EXPECT_EQ(KindOf(CreateSnapshot(host_, SnapshotOf("b"))), ErrorKind::kUnsupported);
  EXPECT_FALSE(HasStore("b"));
}

TEST_F(SnapshotTest, AFailureAnywhereLeavesNeitherDeviceNorStore) {
  // A loop device whose last opener is gone clears itself without being asked; the model's does so
  // when somebody looks.
  const std::jthread kernel([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) static_cast<void>(loops_.Bound());
  });
  bool was_made = false;
  const unsigned failures = FailEverywhere(
      FaultMoment::kBefore,
      [&]() -> Result<void> {
        const auto made = CreateSnapshot(host_, SnapshotOf("b"));
        was_made = made.has_value();
        return made ? RemoveSnapshot(host_, made->path) : Fail(made.error());
      },
      [&](const Result<void>& done) {
        EXPECT_TRUE(was_made || !done);
        if (!was_made) {
          EXPECT_FALSE(devices_.Has("veneer-b"));
          EXPECT_FALSE(HasStore("b"));
        } else {
          // It is there still where its removal failed before that; a sync that fails comes after.
          if (devices_.Has("veneer-b")) {
            EXPECT_TRUE(RemoveSnapshot(host_, "/dev/mapper/veneer-b"));
          }
          EXPECT_TRUE(std::filesystem::remove(StoreOf("b")));
        }
        ExpectNothingIsLeft();
      });
  EXPECT_GE(failures, 5U);
}

TEST_F(SnapshotTest, AStoreThatIsAttachedIsNotAttachedAgain) {
  const auto restored = RestoreSnapshot(host_, SnapshotOf("a"));
  ASSERT_TRUE(restored);
  SnapshotRequest again = SnapshotOf("a");
  again.name = "b";
  EXPECT_EQ(KindOf(RestoreSnapshot(host_, again)), ErrorKind::kConflict);
  EXPECT_EQ(KindOf(CreateSnapshot(host_, again)), ErrorKind::kConflict);
  EXPECT_TRUE(HasStore("a"));
  EXPECT_TRUE(RemoveSnapshot(host_, restored->path));
}

TEST_F(SnapshotTest, AChangedTemplateIsRefusedWhateverItsSize) {
  const auto made_from = IdentifyTemplate(image_);
  ASSERT_TRUE(made_from);
  EXPECT_TRUE(RemoveSnapshot(host_, RestoreSnapshot(host_, SnapshotOf("a"), *made_from)->path));
  std::fstream(image_, std::ios::in | std::ios::out) << "another";
  const auto refused = RestoreSnapshot(host_, SnapshotOf("a"), *made_from);
  EXPECT_EQ(KindOf(refused), ErrorKind::kCorrupt);
  EXPECT_THAT(refused.error().what, HasSubstr("no longer the template"));
  // Without an identity its size alone can tell.
  std::filesystem::resize_file(image_, MiB(1).value());
  EXPECT_EQ(KindOf(RestoreSnapshot(host_, SnapshotOf("a"))), ErrorKind::kCorrupt);
  ExpectNothingIsLeft();
}

TEST_F(SnapshotTest, AStoreThatBreaksTheFormatIsRefused) {
  testing::PutException(StoreOf("a"), {OriginChunk(9999), StoreChunk(2)});
  EXPECT_EQ(KindOf(RestoreSnapshot(host_, SnapshotOf("a"))), ErrorKind::kCorrupt);
  ExpectNothingIsLeft();
}

TEST_F(SnapshotTest, AStoreThatTheKernelFindsInvalidIsRefused) {
  devices_.SetStatus("veneer-a", "Invalid");
  EXPECT_EQ(KindOf(RestoreSnapshot(host_, SnapshotOf("a"))), ErrorKind::kCorrupt);
  ExpectNothingIsLeft();
}

TEST_F(SnapshotTest, ABusyOneStaysAndItsHolderIsNamed) {
  const auto made = RestoreSnapshot(host_, SnapshotOf("a"));
  ASSERT_TRUE(made);
  {
    const auto opener = devices_.Open("veneer-a");
    const auto refused = RemoveSnapshot(host_, made->path);
    EXPECT_EQ(KindOf(refused), ErrorKind::kConflict);
    EXPECT_THAT(refused.error().what, HasSubstr("held by pid 812 (qemu)"));
    EXPECT_TRUE(devices_.Has("veneer-a"));
  }
  EXPECT_TRUE(RemoveSnapshot(host_, made->path));
  EXPECT_EQ(KindOf(RemoveSnapshot(host_, made->path)), ErrorKind::kNotFound);
}

TEST_F(SnapshotTest, CleanUpAdoptsWhatLivesAndRemovesWhatIsStale) {
  const auto alive = RestoreSnapshot(host_, SnapshotOf("a"));
  ASSERT_TRUE(alive);
  devices_.LeaveHalfMade("veneer-gone", std::string("VENEER-") + kInstance + "-gone");
  devices_.LeaveHalfMade("veneer-other", "VENEER-ffffffffffffffff-other");
  const auto look = CleanUpStale(host_, GcMode::kLook);
  ASSERT_TRUE(look);
  ASSERT_EQ(look->removed.size(), 1U);
  EXPECT_EQ(look->removed[0].object, "device veneer-gone");
  EXPECT_TRUE(devices_.Has("veneer-gone"));
  const auto done = CleanUpStale(host_, GcMode::kRemove);
  ASSERT_TRUE(done);
  EXPECT_THAT(done->adopted, ElementsAre("a"));
  EXPECT_EQ(done->removed.size(), 1U);
  EXPECT_THAT(done->kept, IsEmpty());
  EXPECT_THAT(devices_.Names(), ElementsAre("veneer-a", "veneer-other"));
  EXPECT_TRUE(RemoveSnapshot(host_, alive->path));
}

}  // namespace
}  // namespace veneer
