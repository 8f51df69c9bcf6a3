// What Recover makes of what killed commands left.
#include "sandbox/recover.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "sandbox/orphans.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer {
namespace {

using testing::FakeBackend;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecoverTest : public testing::SandboxTest {
 protected:
  RecoverReport Recovered(RecoverScope scope = RecoverScope::kQuick) {
    auto report = Recover(host_, scope);
    EXPECT_TRUE(report) << report.error().what;
    return report ? *std::move(report) : RecoverReport{};
  }
};

TEST_F(RecoverTest, WhereNothingIsHalfDoneNothingHappens) {
  Create("web");
  const RecoverReport report = Recovered();
  EXPECT_THAT(report.changed, IsEmpty());
  EXPECT_THAT(report.stuck, IsEmpty());
  EXPECT_EQ(collections_, 0U);
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
}

TEST_F(RecoverTest, EveryHalfDoneVerbIsEnded) {
  struct Case {
    SandboxState left;
    bool exists;
    SandboxState afterwards;
  };
  for (const Case& each :
       {Case{SandboxState::kCreating, false, {}}, Case{SandboxState::kDestroying, false, {}},
        Case{SandboxState::kPausing, true, SandboxState::kPaused},
        Case{SandboxState::kResuming, true, SandboxState::kPaused}}) {
    const SandboxRecord record = Create();
    LeaveIn(each.left, record);
    EXPECT_THAT(Recovered().changed, SizeIs(1));
    EXPECT_THAT(dm_.Attached().value(), IsEmpty());
    EXPECT_EQ(Exists(record.id), each.exists) << StateName(each.left);
    EXPECT_EQ(std::filesystem::exists(layout_.Store(record.id)), each.exists);
    if (each.exists) {
      EXPECT_EQ(Recorded(record.id).state, each.afterwards);
      ASSERT_TRUE(lifecycle_.Destroy(record.id, DestroyMode::kCareful));
    }
  }
}

// A create that has answered may have lost its outcome, and not its store.
class CutCreateTest : public RecoverTest {
 protected:
  // Its disk is detached, as after a power cut.
  SandboxRecord LeftOnItsWay(const std::string& boot_id) {
    SandboxRecord record = Create("web");
    EXPECT_TRUE(lifecycle_.Pause("web"));
    record.boot_id = boot_id;
    LeaveIn(SandboxState::kCreating, record);
    return record;
  }
  void ExpectPausedWith(const std::string& text) {
    EXPECT_THAT(Recovered().changed, SizeIs(1));
    EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
    EXPECT_THAT(Recorded("web").reason, HasSubstr("not flushed"));
    const auto resumed = lifecycle_.Resume("web");
    ASSERT_TRUE(resumed) << resumed.error().what;
    EXPECT_EQ(Read(resumed->path.value(), 0, text.size()), text);
  }
  void ExpectRemoved(const SandboxRecord& record) {
    EXPECT_THAT(Recovered().changed, SizeIs(1));
    EXPECT_FALSE(Exists("web"));
    EXPECT_FALSE(std::filesystem::exists(layout_.Store(record.id)));
  }
};

TEST_F(CutCreateTest, AfterAnotherBootItIsThere) {
  LeftOnItsWay("the boot before");
  ExpectPausedWith("template");
}

TEST_F(CutCreateTest, InTheSameBootItWasKilledAndIsRemoved) {
  ExpectRemoved(LeftOnItsWay(host_.boot_id()));
}

TEST_F(CutCreateTest, WhatWasWrittenToIsNeverRemoved) {
  SandboxRecord record = Create("web");
  Write(record.path.value(), 0, "flushed!");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  LeaveIn(SandboxState::kCreating, record);
  ExpectPausedWith("flushed!");
}

TEST_F(CutCreateTest, AStoreThatWasNotSyncedIsRemoved) {
  const SandboxRecord record = LeftOnItsWay("the boot before");
  const std::string store = layout_.Store(record.id);
  const auto size = std::filesystem::file_size(store);
  std::filesystem::resize_file(store, 0);
  std::filesystem::resize_file(store, size);
  ExpectRemoved(record);
}

TEST_F(CutCreateTest, AStoreThatIsDamagedIsKept) {
  const SandboxRecord record = LeftOnItsWay(host_.boot_id());
  Write(layout_.Store(record.id), 0, "no header");
  EXPECT_THAT(Recovered().changed, SizeIs(1));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_TRUE(std::filesystem::exists(layout_.Store(record.id)));
}

TEST_F(CutCreateTest, WithoutAStoreItIsRemoved) {
  const SandboxRecord record = LeftOnItsWay("the boot before");
  std::filesystem::remove(layout_.Store(record.id));
  ExpectRemoved(record);
}

TEST_F(CutCreateTest, WhereBootsCannotBeToldApartItIsRemoved) { ExpectRemoved(LeftOnItsWay("")); }

TEST_F(CutCreateTest, AForkHasNotAnsweredYet) {
  SandboxRecord record = LeftOnItsWay("the boot before");
  record.last_operation = "fork";
  LeaveIn(SandboxState::kCreating, record);
  ExpectRemoved(record);
}

TEST_F(CutCreateTest, AMachineHasNotAnsweredYet) {
  SandboxRecord record = LeftOnItsWay("the boot before");
  record.machine = MachineRecord{.memory = MiB(64), .network = "none"};
  LeaveIn(SandboxState::kCreating, record);
  ExpectRemoved(record);
}

TEST_F(CutCreateTest, AStoreThatCannotBeReadIsKept) {
  const SandboxRecord record = LeftOnItsWay("the boot before");
  const std::string store = layout_.Store(record.id);
  std::filesystem::rename(store, store + ".away");
  std::filesystem::create_directory(store);
  EXPECT_THAT(Recovered().stuck, SizeIs(1));
  std::filesystem::remove(store);
  std::filesystem::rename(store + ".away", store);
  ExpectPausedWith("template");
}

TEST_F(RecoverTest, AHeldDiskIsLetGoFirst) {
  LeaveIn(SandboxState::kPausing, Create());
  Recovered();
  EXPECT_EQ(collections_, 1U);
}

TEST_F(RecoverTest, WhatSomebodyWorksOnIsLeftAlone) {
  const SandboxRecord record = Create("web");
  LeaveIn(SandboxState::kPausing, record);
  const auto lock = ObjectLock::Take(layout_.locks(), record.id, "pause");
  ASSERT_TRUE(lock);
  EXPECT_THAT(Recovered().changed, IsEmpty());
  EXPECT_EQ(Recorded("web").state, SandboxState::kPausing);
}

TEST_F(RecoverTest, ADiskThatWentByItselfIsPausedWithTheReason) {
  const SandboxRecord record = Create("web");
  dm_.Drop(*record.path);
  ASSERT_THAT(Recovered().changed, SizeIs(1));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("not flushed"));
  EXPECT_TRUE(lifecycle_.Resume("web"));
  EXPECT_THAT(Recorded("web").reason, IsEmpty());
}

TEST_F(RecoverTest, ADiskThatIsJustGoingByItselfKeepsNothingHalfDone) {
  LeaveIn(SandboxState::kCreating, Create("web"));
  dm_.DieAtNextDetach();
  const RecoverReport report = Recovered();
  EXPECT_THAT(report.stuck, IsEmpty());
  EXPECT_THAT(report.changed, SizeIs(1));
  EXPECT_FALSE(Exists("web"));
}

TEST_F(RecoverTest, AHalfPausedDiskInUseRunsOn) {
  LeaveIn(SandboxState::kPausing, Create("web"));
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held", ""});
  Recovered();
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
}

TEST_F(RecoverTest, WhatCannotBeEndedYetIsToldAndTriedAgain) {
  LeaveIn(SandboxState::kDestroying, Create("web"));
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held by pid 812", ""});
  const RecoverReport report = Recovered();
  ASSERT_THAT(report.stuck, SizeIs(1));
  EXPECT_THAT(report.stuck[0].outcome, HasSubstr("812"));
  EXPECT_THAT(Recovered().changed, SizeIs(1));
  EXPECT_FALSE(Exists("web"));
}

TEST_F(RecoverTest, AMissingFileIsNoticedAndItsReturnToo) {
  const SandboxRecord record = Create("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  const std::string store = layout_.Store(record.id);
  std::filesystem::rename(store, store + ".away");
  EXPECT_THAT(Recovered().changed, IsEmpty());  // not looked for at each command
  EXPECT_THAT(Recovered(RecoverScope::kEverything).changed, SizeIs(1));
  EXPECT_EQ(Recorded("web").state, SandboxState::kFailed);
  EXPECT_THAT(Recovered(RecoverScope::kEverything).changed, IsEmpty());
  std::filesystem::rename(store + ".away", store);
  Recovered(RecoverScope::kEverything);
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_TRUE(lifecycle_.Resume("web"));
}

TEST_F(RecoverTest, ATemplateThatWasNotFinishedIsGone) {
  const IntentRecord intent{.id = "tp-01234567", .verb = "snapshot", .object = "sb-01234567"};
  ASSERT_TRUE(catalog_->Begin(intent));
  testing::MakeFile(layout_.Image(intent.id), MiB(1));
  testing::MakeFile(layout_.SnapshotStore(intent.id), MiB(1));
  EXPECT_THAT(Recovered().changed, SizeIs(1));
  EXPECT_THAT(catalog_->Intents().value(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(layout_.Image(intent.id)));
  EXPECT_FALSE(std::filesystem::exists(layout_.SnapshotStore(intent.id)));
}

TEST_F(RecoverTest, FilesOfNoRecordAreOrphansAndOthersAreNot) {
  const SandboxRecord record = Create("web");
  testing::MakeFile(layout_.Store("sb-aaaaaaaa"), MiB(1));
  testing::MakeFile(layout_.Image("tp-bbbbbbbb"), MiB(1));
  testing::MakeFile(layout_.sandboxes() + "/notes.txt", MiB(1));
  testing::MakeFile(layout_.locks() + "/sb-aaaaaaaa.lock", Bytes(0));
  testing::MakeFile(layout_.locks() + "/sb-cccccccc.lock", Bytes(0));
  const auto locks = FilesIn(layout_.locks());
  const auto looked = CollectOrphans(host_, GcMode::kLook);
  ASSERT_TRUE(looked);
  EXPECT_THAT(looked->report.removed, SizeIs(2));
  EXPECT_EQ(looked->freed, Bytes(0));  // holes
  EXPECT_TRUE(std::filesystem::exists(layout_.Store("sb-aaaaaaaa")));
  EXPECT_EQ(FilesIn(layout_.locks()), locks);
  EXPECT_THAT(CollectOrphans(host_, GcMode::kRemove)->report.removed, SizeIs(2));
  EXPECT_THAT(CollectOrphans(host_, GcMode::kRemove)->report.removed, IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(layout_.Store(record.id)));
  EXPECT_TRUE(std::filesystem::exists(layout_.Image(base_.id)));
  EXPECT_TRUE(std::filesystem::exists(layout_.sandboxes() + "/notes.txt"));
  EXPECT_THAT(FilesIn(layout_.locks()), SizeIs(locks.size() - 2));
}

}  // namespace
}  // namespace veneer
