// What is done with an attached disk, on models of the kernel. Clones: whatever fails, nobody is
// held back afterwards. Growth, and what cannot be asked for.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "backend/dm/dm_backend_fixture.h"
#include "cow/check.h"
#include "cow/grow.h"
#include "format/testing/put_exception.h"
#include "kernel/testing/resource_limit.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;
using testing::FaultMoment;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KernelVerb;

const Error kInjected{ErrorKind::kFailed, EIO, "injected", ""};

class DmCloneTest : public DmBackendTest {
 protected:
  void SetUp() override { path_ = Attach("a"); }
  void TearDown() override {
    EXPECT_TRUE(backend_.Detach(path_));
    ExpectNothingIsLeft();
  }

  dm::RecordState State() { return dm::ReadRecord(run_ + "/dm", "a").value().state; }
  // As a clone leaves it that was killed while the device was suspended.
  void LeaveKilledClone() {
    auto record = dm::LockedRecord::TakeExisting(run_ + "/dm", "a").value();
    dm::DiskRecord cloning = record.record();
    cloning.state = dm::RecordState::kCloning;
    ASSERT_TRUE(record.Write(cloning));
    ASSERT_TRUE(devices_.Suspend("veneer-a"));
  }
  void ExpectRuns() {
    EXPECT_FALSE(devices_.IsSuspended("veneer-a"));
    EXPECT_EQ(State(), dm::RecordState::kAttached);
  }
  void AttachASmallStore() {
    ASSERT_TRUE(backend_.Detach(path_));
    std::filesystem::remove(StoreOf("a"));
    CreateOptions small;
    small.origin_size = MiB(2);
    small.max_change = KiB(64);
    ASSERT_TRUE(CreateStore(StoreOf("a"), small));
    path_ = Attach("a");
  }
  [[nodiscard]] bool IsCloned() const { return std::filesystem::exists(clone_); }

  std::string path_;
  std::string clone_ = directory_ / "clone";
};

TEST_F(DmCloneTest, TheCloneIsTheStoreAndTheDiskRuns) {
  ASSERT_TRUE(backend_.CloneStore(path_, clone_));
  const auto clone = LinuxFile::Open(clone_, Access::kReadOnly);
  EXPECT_EQ(CheckStore(**clone, MiB(2), [](const Fault&) {})->faults, 0U);
  EXPECT_EQ(std::filesystem::file_size(clone_), std::filesystem::file_size(StoreOf("a")));
  ExpectRuns();
  EXPECT_THAT(backend_.Attached().value(), ElementsAre(path_));
}

TEST_F(DmCloneTest, WhateverFailsOnceTheDiskRunsAndTheCloneIsWholeOrNotThere) {
  for (const FaultMoment moment : {FaultMoment::kBefore, FaultMoment::kAfter}) {
    const unsigned failures = FailEverywhere(
        moment,
        [&]() -> Result<void> {
          const auto cloned = backend_.CloneStore(path_, clone_);
          if (cloned) return {};
          return Fail(cloned.error());
        },
        [&](const Result<void>& cloned) {
          ExpectRuns();
          EXPECT_EQ(IsCloned(), cloned.has_value());
          std::filesystem::remove(clone_);
        });
    EXPECT_GE(failures, 4U);
  }
}

TEST_F(DmCloneTest, ARefusedCloneHoldsNobodyBack) {
  // Nothing is suspended: it would fail.
  faults_.FailNext(KernelVerb::kSuspend, kInjected);
  EXPECT_EQ(backend_.CloneStore(path_, StoreOf("a")).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(backend_.CloneStore(path_, directory_ / "no/clone").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(backend_.CloneStore("/dev/mapper/veneer-b", clone_).error().kind, ErrorKind::kNotFound);
  faults_.Clear();
  ExpectRuns();
}

TEST_F(DmCloneTest, AStoreThatTheKernelGaveUpIsNotCloned) {
  devices_.SetStatus("veneer-a", "Invalid");
  EXPECT_EQ(backend_.CloneStore(path_, clone_).error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(IsCloned());
}

TEST_F(DmCloneTest, AnotherFileUnderTheNameOfTheStoreIsNotCloned) {
  std::filesystem::rename(StoreOf("a"), directory_ / "moved");
  testing::MakeFile(StoreOf("a"), MiB(1));
  EXPECT_FALSE(backend_.CloneStore(path_, clone_));
  EXPECT_FALSE(IsCloned());
  ExpectRuns();
  std::filesystem::rename(directory_ / "moved", StoreOf("a"));
}

TEST_F(DmCloneTest, GrowingLengthensFileAndDevice) {
  AttachASmallStore();
  EXPECT_TRUE(backend_.Grow(path_, kWholeDisk));
  EXPECT_GT(std::filesystem::file_size(StoreOf("a")), MiB(2).value());
  const auto loops = loops_.Devices();
  EXPECT_TRUE(std::ranges::any_of(loops, [&](const LoopDevice& loop) {
    return loops_.SizeOf(loop.device) ==
           Sectors(std::filesystem::file_size(StoreOf("a")) / kSectorSize.value());
  }));
}

TEST_F(DmCloneTest, AReadOnlyDiskDoesNotGrow) {
  ASSERT_TRUE(backend_.Detach(path_));
  testing::PutException(StoreOf("a"), {OriginChunk(0), StoreChunk(2)});
  DiskRequest request = Request("a");
  request.access = DiskAccess::kReadOnly;
  const auto attached = backend_.Attach(request);
  ASSERT_TRUE(attached);
  const auto grown = backend_.Grow(attached->path, kWholeDisk);
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().kind, ErrorKind::kUsage);
}

TEST_F(DmCloneTest, AnotherFileUnderTheNameOfTheStoreDoesNotGrow) {
  AttachASmallStore();
  std::filesystem::rename(StoreOf("a"), directory_ / "moved");
  std::filesystem::copy_file(directory_ / "moved", StoreOf("a"));
  const auto size = std::filesystem::file_size(StoreOf("a"));
  EXPECT_EQ(backend_.Grow(path_, MiB(2)).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(std::filesystem::file_size(StoreOf("a")), size);
  std::filesystem::rename(directory_ / "moved", StoreOf("a"));
}

TEST_F(DmCloneTest, ADiskThatIsHeldBackIsClonedAndStaysSo) {
  ASSERT_TRUE(backend_.Keep(path_, {.mark = Bytes(std::uint64_t{1} << 62U)}));
  EXPECT_TRUE(backend_.CloneStore(path_, clone_));
  EXPECT_TRUE(IsCloned());
  EXPECT_TRUE(devices_.IsSuspended("veneer-a"));
  ASSERT_TRUE(backend_.LetGo(path_, std::chrono::seconds(0)));
}

TEST_F(DmCloneTest, ADiskWhoseRecordCannotBeReadIsNotTakenForDetached) {
  {
    const testing::ResourceLimit no_files(RLIMIT_NOFILE, 0);
    EXPECT_EQ(backend_.Attached().error().kind, ErrorKind::kNoSpace);
  }
  EXPECT_THAT(backend_.Attached().value(), ElementsAre(path_));
}

TEST_F(DmCloneTest, ADetachThatCannotSyncTheStoreSaysSo) {
  faults_.FailNext(KernelVerb::kBackingFile, kInjected);
  const auto detached = backend_.Detach(path_);
  ASSERT_FALSE(detached);
  EXPECT_EQ(detached.error().what, "sync the store: injected");
  ExpectNothingIsLeft();
  path_ = Attach("a");
}

TEST_F(DmCloneTest, AStoreWhosePathCannotBeReadIsNotTakenForGone) {
  loops_.HidePaths(true);
  EXPECT_EQ(backend_.Detach(path_).error().kind, ErrorKind::kFailed);
  loops_.HidePaths(false);
  ExpectNothingIsLeft();
  path_ = Attach("a");
}

TEST_F(DmCloneTest, WhileAnotherProcessWorksOnTheDiskItIsAConflict) {
  const auto record = dm::LockedRecord::TakeExisting(run_ + "/dm", "a");
  ASSERT_TRUE(record);
  EXPECT_EQ(backend_.CloneStore(path_, clone_).error().kind, ErrorKind::kConflict);
  EXPECT_FALSE(IsCloned());
}

TEST_F(DmCloneTest, ADiskThatIsBeingClonedIsAttachedAndLeftAlone) {
  LeaveKilledClone();
  {
    const auto record = dm::LockedRecord::TakeExisting(run_ + "/dm", "a");
    EXPECT_THAT(backend_.Attached().value(), ElementsAre(path_));
    EXPECT_THAT(Gc().adopted, IsEmpty());
    EXPECT_TRUE(devices_.IsSuspended("veneer-a"));
  }
  EXPECT_EQ(backend_.Attach(Request("a")).error().kind, ErrorKind::kConflict);
}

TEST_F(DmCloneTest, GcLetsTheUsersOfAKilledCloneGoOn) {
  LeaveKilledClone();
  EXPECT_THAT(Gc(GcMode::kLook).adopted, ElementsAre("a"));
  EXPECT_TRUE(devices_.IsSuspended("veneer-a"));
  const GcReport report = Gc();
  EXPECT_THAT(report.adopted, ElementsAre("a"));
  EXPECT_THAT(report.removed, IsEmpty());
  ExpectRuns();
}

TEST_F(DmCloneTest, AResumeThatFailsForAMomentIsTriedAgain) {
  LeaveKilledClone();
  faults_.FailNext(KernelVerb::kResume, kInjected);
  EXPECT_THAT(Gc().adopted, ElementsAre("a")) << "a failure that passes is waited for";
  ExpectRuns();
}

TEST_F(DmCloneTest, TheNextCommandEndsAKilledClone) {
  LeaveKilledClone();
  ASSERT_TRUE(backend_.CloneStore(path_, clone_));
  ExpectRuns();
  LeaveKilledClone();
  ASSERT_TRUE(backend_.Grow(path_, MiB(1)));
  ExpectRuns();
  LeaveKilledClone();  // and Detach, at the end
}

TEST_F(DmCloneTest, AKilledCloneOfADiskThatIsGoneIsRemoved) {
  LeaveKilledClone();
  ASSERT_TRUE(devices_.Remove("veneer-a"));
  const GcReport report = Gc();
  ASSERT_EQ(report.removed.size(), 1U);
  EXPECT_EQ(report.removed[0].reason, "its device is gone");
  EXPECT_THAT(backend_.Attached().value(), IsEmpty());
  path_ = Attach("a");
}

TEST_F(DmCloneTest, AReadOnlyDiskIsNotCloned) {
  ASSERT_TRUE(backend_.Detach(path_));
  testing::PutException(StoreOf("a"), {OriginChunk(0), StoreChunk(2)});
  DiskRequest request = Request("a");
  request.access = DiskAccess::kReadOnly;
  ASSERT_TRUE(backend_.Attach(request));
  const auto cloned = backend_.CloneStore(path_, clone_);
  EXPECT_EQ(cloned.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(cloned.error().what, HasSubstr("read-only"));
  EXPECT_FALSE(IsCloned());
}

}  // namespace
}  // namespace veneer
