// DmBackend on models of the kernel: every step that can fail does, and nothing is left behind.
#include "backend/dm/dm_backend.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <filesystem>
#include <functional>

#include "backend/dm/dm_backend_fixture.h"
#include "backend/run_directory.h"
#include "format/testing/put_exception.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;
using testing::FaultMoment;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KernelVerb;

TEST_F(DmBackendTest, AttachesASnapshotOverTwoLoopDevices) {
  EXPECT_EQ(Attach("a"), "/dev/mapper/veneer-a");
  const auto table = devices_.TableOf("veneer-a");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].type, "snapshot");
  EXPECT_EQ(table[0].length, Sectors(4096));
  EXPECT_THAT(table[0].params, HasSubstr(" PO 8 1 discard_zeroes_cow"));
  EXPECT_EQ(loops_.Bound(), 2U);
  EXPECT_THAT(backend_.List().value(), ElementsAre("a"));
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-a"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, SixteenDisksShareALoopDeviceOfTheirImage) {
  for (int i = 0; i < 33; ++i) {
    MakeStore("d" + std::to_string(i));
    Attach("d" + std::to_string(i));
  }
  EXPECT_EQ(loops_.Bound(), 33U + 3U);
  for (int i = 0; i < 33; ++i) {
    EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-d" + std::to_string(i)));
  }
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, ALargerDiskHasAnOriginThatEndsInZerosAndIsShared) {
  MakeStore("b", MiB(8));
  MakeStore("c", MiB(8));
  Attach("b");
  Attach("c");
  EXPECT_EQ(devices_.Names().size(), 3U);
  EXPECT_EQ(loops_.Bound(), 3U);
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-b"));
  EXPECT_EQ(devices_.Names().size(), 2U);
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-c"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, AnAttachThatFailsAnywhereLeavesNothing) {
  for (const Bytes disk_size : {MiB(2), MiB(8)}) {
    std::filesystem::remove(StoreOf("a"));
    MakeStore("a", disk_size);
    const unsigned failures = FailEverywhere(
        FaultMoment::kBefore,
        [&]() -> Result<void> {
          const auto attached = backend_.Attach(Request("a"));
          if (attached) return {};
          return Fail(attached.error());
        },
        [&](const Result<void>& attached) {
          if (attached) {
            EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-a"));
          } else {
            EXPECT_THAT(attached.error().what, HasSubstr("injected"));
          }
          ExpectNothingIsLeft();
        });
    EXPECT_GE(failures, 5U);
  }
}

TEST_F(DmBackendTest, WhatCouldNotBeUndoneIsFoundByGc) {
  MakeStore("b", MiB(8));
  FailEverywhere(
      FaultMoment::kAfter,
      [&]() -> Result<void> {
        const auto attached = backend_.Attach(Request("b"));
        if (attached) return {};
        return Fail(attached.error());
      },
      [&](const Result<void>& attached) {
        if (attached) {
          EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-b"));
        }
        Gc();
        ExpectNothingIsLeft();
      });
}

TEST_F(DmBackendTest, ADetachThatFailsAnywhereCanBeTriedAgain) {
  for (const FaultMoment moment : {FaultMoment::kBefore, FaultMoment::kAfter}) {
    FailEverywhere(
        moment,
        [&]() -> Result<void> {
          const auto attached = backend_.Attach(Request("a"));
          if (!attached) return Fail(attached.error());
          return backend_.Detach(attached->path);
        },
        [&](const Result<void>& detached) {
          if (!detached)
            backend_.Detach("/dev/mapper/veneer-a").Ignore("where it is gone, gc ends it");
          Gc();
          ExpectNothingIsLeft();
        });
  }
}

TEST_F(DmBackendTest, TheCauseIsReportedAndTheFailedRollbackRidesAlong) {
  faults_.FailNext(KernelVerb::kQuery, {ErrorKind::kFailed, EIO, "no status", "look"});
  faults_.FailNext(KernelVerb::kRemove, {ErrorKind::kFailed, EIO, "no removal", ""});
  const auto attached = backend_.Attach(Request("a"));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().what, "no status");
  EXPECT_THAT(attached.error().hint, HasSubstr("no removal"));
  EXPECT_EQ(Gc().removed.size(), 1U);
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, AnInvalidStoreIsTakenAwayAgain) {
  devices_.SetStatus("veneer-a", "Invalid");
  const auto attached = backend_.Attach(Request("a"));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(attached.error().what, HasSubstr("invalid"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, TheConditionIsTheKernelsAndTheNumbersAreTheStoresWhereTheKernelHasNone) {
  const std::string path = Attach("a");
  for (const auto& [status, condition] : {std::pair("Invalid", StoreCondition::kInvalid),
                                          std::pair("Overflow", StoreCondition::kOverflow)}) {
    devices_.SetStatus("veneer-a", status);
    const auto fill = backend_.Fill(path);
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->condition, condition);
    EXPECT_GT(fill->used, Bytes(0));
    EXPECT_GT(fill->capacity, fill->used);
  }
  devices_.SetStatus("veneer-a", "nonsense");
  EXPECT_FALSE(backend_.Fill(path));
  EXPECT_TRUE(backend_.Detach(path));
}

TEST_F(DmBackendTest, AnOrphanWithoutARecordIsRemovedWithoutAskingForAnyLoopDevice) {
  devices_.LeaveHalfMade("veneer-a", std::string("VENEER-") + kInstance + "-a");
  // What loop device 0 is bound to is none of its business.
  const auto bound = loops_.Attach(image_, {.access = Access::kReadOnly});
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->number, 0U);
  EXPECT_EQ(Gc().removed.size(), 1U);
  EXPECT_THAT(devices_.Names(), IsEmpty());
  EXPECT_TRUE(loops_.BackingFile("/dev/loop0"));
}

TEST_F(DmBackendTest, ALargerDiskNeedsTheTargetOfZeros) {
  MakeStore("b", MiB(8));
  devices_.Lack("zero");
  const auto attached = backend_.Attach(Request("b"));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().kind, ErrorKind::kUnsupported);
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, AStoreWithGapsGetsRoomForThemOnce) {
  testing::PutException(StoreOf("a"), {OriginChunk(0), StoreChunk(102)});
  const auto before = std::filesystem::file_size(StoreOf("a"));
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(backend_.Detach(Attach("a")));
    EXPECT_EQ(std::filesystem::file_size(StoreOf("a")), before + KiB(400).value());
  }
}

TEST_F(DmBackendTest, AStoreWhoseLastAreaCouldFillUpGetsOneChunkMore) {
  constexpr std::uint64_t kTrap = 1 + 257;
  std::filesystem::resize_file(StoreOf("a"), KiB(4).value() * kTrap);
  EXPECT_TRUE(backend_.Detach(Attach("a")));
  EXPECT_EQ(std::filesystem::file_size(StoreOf("a")), KiB(4).value() * (kTrap + 1));
}

TEST_F(DmBackendTest, ABusyDiskStaysAndItsHolderIsNamed) {
  const std::string path = Attach("a");
  {
    const auto opener = devices_.Open("veneer-a");
    const auto refused = backend_.Detach(path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(refused.error().what, HasSubstr("pid 812 (qemu)"));
    EXPECT_THAT(backend_.List().value(), ElementsAre("a"));
  }
  EXPECT_TRUE(backend_.Detach(path));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, AHostWithoutTheTargetIsTold) {
  devices_.Lack("snapshot");
  const auto attached = backend_.Attach(Request("a"));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().kind, ErrorKind::kUnsupported);
  EXPECT_FALSE(std::filesystem::exists(run_));
}

TEST_F(DmBackendTest, AHostWithoutAFreeLoopDeviceLosesNothing) {
  for (const std::size_t limit : {0U, 1U}) {
    loops_.SetLimit(limit);
    const auto attached = backend_.Attach(Request("a"));
    ASSERT_FALSE(attached);
    ExpectNothingIsLeft();
  }
}

TEST_F(DmBackendTest, ATakenNameIsAConflict) {
  MakeStore("b");
  Attach("a");
  DiskRequest request = Request("b");
  request.name = "a";
  const auto attached = backend_.Attach(request);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(attached.error().what, HasSubstr("taken"));
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-a"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, ANameWhoseDeviceCannotBeAskedForIsNotFree) {
  MakeStore("b");
  for (const Bytes disk_size : {MiB(2), MiB(8)}) {
    std::filesystem::remove(StoreOf("a"));
    MakeStore("a", disk_size);
    const std::string path = Attach("a");
    DiskRequest request = Request("b");
    request.name = "a";
    faults_.FailNext(KernelVerb::kQuery, {ErrorKind::kNoSpace, EMFILE, "too many files", ""});
    const auto refused = backend_.Attach(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, "too many files");
    EXPECT_THAT(backend_.List().value(), ElementsAre("a"));
    EXPECT_TRUE(backend_.Detach(path));
    ExpectNothingIsLeft();
  }
}

TEST_F(DmBackendTest, ADiskThatWasRenamedKeepsItsRecordWhateverIsAttachedUnderItsName) {
  EXPECT_TRUE(backend_.Detach(Attach("a")));
  LeaveRecord("a", {.state = dm::RecordState::kAttached});
  devices_.LeaveHalfMade("renamed", std::string("VENEER-") + kInstance + "-a");
  EXPECT_EQ(backend_.Attach(Request("a")).error().kind, ErrorKind::kConflict);
  EXPECT_THAT(Gc().adopted, ElementsAre("a"));
}

TEST_F(DmBackendTest, TheRecordOfAKilledCommandStaysLockedUntilItsSuccessorIsThere) {
  ASSERT_TRUE(PrepareRunDirectory(run_ + "/dm"));
  LeaveRecord("a",
              {.state = dm::RecordState::kDetaching, .padded_origin = "veneer-origin:9:16384"});
  // As somebody who waits for it has it open.
  const UniqueFd waits(::open((run_ + "/dm/a.json").c_str(), O_RDWR | O_CLOEXEC));
  bool looked = false;
  faults_.Meanwhile(KernelVerb::kCreate, FaultMoment::kBefore, [&] {
    looked = true;
    EXPECT_NE(::flock(waits.get(), LOCK_EX | LOCK_NB), 0) << "it was taken for free";
  });
  EXPECT_TRUE(backend_.Detach(Attach("a")));
  EXPECT_TRUE(looked);
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, WhatIsLeftOfADiskIsNoReasonToRemoveAnotherInstancesDevice) {
  Attach("a");
  ASSERT_TRUE(devices_.Remove("veneer-a"));
  devices_.LeaveHalfMade("veneer-a", "VENEER-ffffffffffffffff-a");
  EXPECT_EQ(Gc().removed.size(), 1U);
  EXPECT_THAT(devices_.Names(), ElementsAre("veneer-a"));
}

TEST_F(DmBackendTest, AnotherInstancesDeviceIsNeitherDetachedNorCollected) {
  devices_.LeaveHalfMade("veneer-a", "VENEER-ffffffffffffffff-a");
  EXPECT_EQ(backend_.Detach("/dev/mapper/veneer-a").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(backend_.Attach(Request("a")));
  EXPECT_THAT(Gc().removed, IsEmpty());
  EXPECT_THAT(devices_.Names(), ElementsAre("veneer-a"));
}

TEST_F(DmBackendTest, GcFinishesWhatWasKilledAndAdoptsWhatLives) {
  MakeStore("b", MiB(8));
  Attach("a");
  Attach("b");
  // As a detach of b leaves it that was killed at its first step.
  auto record = dm::LockedRecord::TakeExisting(run_ + "/dm", "b");
  dm::DiskRecord detaching = record->record();
  detaching.state = dm::RecordState::kDetaching;
  ASSERT_TRUE(record->Write(detaching));
  EXPECT_THAT(Gc().removed, IsEmpty());  // somebody has it locked: at work
  {
    const auto released = *std::move(record);
  }
  EXPECT_EQ(Gc(GcMode::kLook).removed.size(), 1U);
  EXPECT_TRUE(devices_.Has("veneer-b"));
  const GcReport report = Gc();
  EXPECT_EQ(report.removed.size(), 1U);
  EXPECT_THAT(report.adopted, ElementsAre("a"));
  EXPECT_THAT(devices_.Names(), ElementsAre("veneer-a"));
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-a"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, GcLeavesADiskAloneThatWasAttachedAfterItsFirstLook) {
  faults_.Meanwhile(KernelVerb::kList, FaultMoment::kAfter, [&] { Attach("a"); });
  const GcReport report = Gc();
  EXPECT_THAT(report.removed, IsEmpty());
  EXPECT_THAT(report.adopted, ElementsAre("a"));
  EXPECT_TRUE(devices_.Has("veneer-a"));
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-a"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, GcHasNotRemovedWhatWasDetachedAfterItsFirstLook) {
  const std::string path = Attach("a");
  faults_.Meanwhile(KernelVerb::kList, FaultMoment::kAfter,
                    [&] { EXPECT_TRUE(backend_.Detach(path)); });
  EXPECT_THAT(Gc().removed, IsEmpty());
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, GcKeepsADiskWhoseDeviceItCouldNotAskFor) {
  faults_.Meanwhile(KernelVerb::kList, FaultMoment::kAfter, [&] {
    Attach("a");
    faults_.FailNext(KernelVerb::kList, {ErrorKind::kFailed, ENOMEM, "no list", ""});
  });
  const GcReport report = Gc();
  EXPECT_THAT(report.removed, IsEmpty());
  ASSERT_EQ(report.kept.size(), 1U);
  EXPECT_EQ(report.kept[0].reason, "no list");
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-a"));
  ExpectNothingIsLeft();
}

TEST_F(DmBackendTest, AnotherInstancesOriginIsNeitherSharedNorRemoved) {
  Attach("a");  // its image is on loop device 1
  MakeStore("b", MiB(8));
  devices_.LeaveHalfMade("veneer-origin:1:16384", "VENEER-ffffffffffffffff-origin:1:16384");
  Attach("b");
  EXPECT_TRUE(backend_.Detach("/dev/mapper/veneer-b"));
  EXPECT_EQ(devices_.List("VENEER-ffffffffffffffff-").value().size(), 1U);
  LeaveRecord("b", {.padded_origin = "veneer-origin:1:16384"});
  EXPECT_EQ(Gc().removed.size(), 1U);
  EXPECT_EQ(devices_.List("VENEER-ffffffffffffffff-").value().size(), 1U);
}

TEST_F(DmBackendTest, AnOriginThatCannotBeAskedForIsNotTakenForGone) {
  for (const char* disk : {"b", "c"}) MakeStore(disk, MiB(8));
  Attach("b");
  faults_.FailNext(KernelVerb::kQuery, {ErrorKind::kFailed, ENOMEM, "no state", ""});
  EXPECT_EQ(backend_.Attach(Request("c")).error().what, "no state");
  faults_.FailAt(1, {ErrorKind::kFailed, ENOMEM, "no state", ""});
  backend_.origins().ForgetCleared();
  EXPECT_FALSE(std::filesystem::is_empty(run_ + "/dm/origins")) << "it is in use";
}

}  // namespace
}  // namespace veneer
