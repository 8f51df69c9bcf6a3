// Machines that end, verbs that fail, and commands that are killed, on models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "catalog/object_lock.h"
#include "sandbox/json_views.h"
#include "sandbox/recover.h"
#include "sandbox/snapshot.h"
#include "sandbox/testing/sandbox_machine_test.h"

namespace veneer {
namespace {

using testing::FakeBackend;
using testing::FakeVmm;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kHeld;
using testing::kInjected;
using testing::kMachine;
using ::testing::SizeIs;

class MachineFailuresTest : public testing::MachineTest {};

TEST_F(MachineFailuresTest, AMachineThatDoesNotBootLeavesNothing) {
  vmm_.FailNext(FakeVmm::Op::kStart, kInjected);
  const auto created =
      lifecycle_.Create({.template_reference = "bootable", .name = "web", .machine = kMachine});
  ASSERT_FALSE(created);
  EXPECT_FALSE(Exists("web"));
  EXPECT_THAT(FilesIn(layout_.sandboxes()), IsEmpty());
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
}

TEST_F(MachineFailuresTest, OneThatIsNotMadeAndCannotBeEndedYetKeepsItsRecordAndItsStore) {
  vmm_.FailNext(FakeVmm::Op::kStart, kInjected);
  user_.FailNext(FakeBackend::Op::kDetach, kHeld);
  const auto created = lifecycle_.Create({.template_reference = "bootable",
                                          .name = "web",
                                          .backend = BackendChoice::kUser,
                                          .machine = kMachine});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().what, "injected");
  EXPECT_EQ(Recorded("web").state, SandboxState::kCreating);
  EXPECT_TRUE(HasFile(layout_.Store(Recorded("web").id))) << "its disk is still served";
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_FALSE(Exists("web"));
  EXPECT_THAT(FilesIn(layout_.sandboxes()), IsEmpty());
  EXPECT_THAT(user_.Attached().value(), IsEmpty());
}

TEST_F(MachineFailuresTest, WhereSavingFailsItRunsOn) {
  const SandboxRecord record = Boot("web");
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  EXPECT_TRUE(vmm_.IsRunning(record.id));
  EXPECT_THAT(dm_.Attached().value(), SizeIs(1));
}

TEST_F(MachineFailuresTest, WhereSavingFailsAndItStandsStillItIsNotRecordedAsRunning) {
  const SandboxRecord record = Boot("web");
  const int before = std::stoi(Count("web"));
  vmm_.StandStill(record.id);
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  vmm_.FailNext(FakeVmm::Op::kGoOn, kInjected);
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPausing);
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  vmm_.FailNext(FakeVmm::Op::kGoOn, kInjected);
  EXPECT_THAT(Recover(host_, RecoverScope::kQuick)->stuck, SizeIs(1));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPausing);
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  EXPECT_EQ(std::stoi(Count("web")), before + 1);
}

TEST_F(MachineFailuresTest, WhereSavingFailsAndLeavesItStandingStillItGoesOn) {
  const SandboxRecord record = Boot("web");
  vmm_.StandStill(record.id);
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  EXPECT_EQ(Count("web"), "1");
}

TEST_F(MachineFailuresTest, OneThatIsSavedAndCannotBeEndedYetIsPausedLater) {
  const SandboxRecord record = Boot("web");
  const int before = std::stoi(Count("web"));
  vmm_.FailNext(FakeVmm::Op::kEnd, kInjected);
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPausing);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, IsEmpty()) << "its memory is not lost";
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), before + 1);
}

TEST_F(MachineFailuresTest, AStateBesideAMachineThatHasRunOnIsNeverUsed) {
  const SandboxRecord record = Boot("web");
  std::ofstream(layout_.State(record.id)) << 5;
  vmm_.Die(record.id, "signal 9 ended QEMU");
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_FALSE(HasFile(layout_.State(record.id)));
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(Count("web"), "1");
}

TEST_F(MachineFailuresTest, WhereACopyFailsAndItsParentStandsStillWhatWasHalfMadeStays) {
  const SandboxRecord parent = Boot("web");
  vmm_.StandStill(parent.id);
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  vmm_.FailNext(FakeVmm::Op::kGoOn, kInjected);
  EXPECT_FALSE(lifecycle_.Fork("web", 2));
  EXPECT_THAT(catalog_->SandboxesIn({SandboxState::kCreating}).value(), SizeIs(2));
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  vmm_.FailNext(FakeVmm::Op::kGoOn, kInjected);
  EXPECT_FALSE(TakeSnapshot(host_, "web", "ready"));
  EXPECT_THAT(catalog_->Intents().value(), SizeIs(1));
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
  EXPECT_EQ(catalog_->Sandboxes()->size(), 1U);
  EXPECT_THAT(catalog_->Intents().value(), IsEmpty());
}

TEST_F(MachineFailuresTest, WhereTheDiskIsHeldTheMachineGoesOn) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held", ""});
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  ASSERT_TRUE(vmm_.IsRunning(record.id));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineFailuresTest, OneThatHasEndedOnADiskThatIsHeldIsNotBootedByAPause) {
  const SandboxRecord record = Boot("web");
  vmm_.Die(record.id, "the guest switched itself off");
  dm_.FailNext(FakeBackend::Op::kDetach, kHeld);
  const auto paused = lifecycle_.Pause("web");
  ASSERT_FALSE(paused);
  EXPECT_THAT(paused.error().what, HasSubstr("812"));
  EXPECT_FALSE(vmm_.IsRunning(record.id));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPausing);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("switched itself off"));
}

TEST_F(MachineFailuresTest, OneThatEndsByItselfIsFoundPausedAndBootsAgain) {
  const SandboxRecord record = Boot("web");
  Count("web");
  vmm_.Die(record.id, "signal 9 ended QEMU");
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("signal 9 ended QEMU"));
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(Count("web"), "1");
}

TEST_F(MachineFailuresTest, APauseThatWasKilledBeforeItSavedIsFinished) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  LeaveIn(SandboxState::kPausing, record);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineFailuresTest, AResumeThatWasKilledBeforeItRanKeepsTheMemory) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  LeaveIn(SandboxState::kResuming, Recorded("web"));
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineFailuresTest, AResumeThatFailsKeepsTheMemory) {
  Boot("web");
  const std::string before = Count("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.FailNext(FakeVmm::Op::kRestore, kInjected);
  EXPECT_FALSE(lifecycle_.Resume("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineFailuresTest, AResumeThatCannotBeRecordedKeepsTheMemory) {
  const SandboxRecord record = Boot("web");
  const int before = std::stoi(Count("web"));
  ASSERT_TRUE(lifecycle_.Pause("web"));
  const SandboxRecord paused = Recorded("web");
  vmm_.AfterNextRestore([&] { EXPECT_TRUE(catalog_->RemoveSandbox(record.id)); });
  EXPECT_FALSE(lifecycle_.Resume("web"));
  EXPECT_FALSE(vmm_.IsRunning(record.id));
  ASSERT_TRUE(catalog_->Add(paused));
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), before + 1);
}

TEST_F(MachineFailuresTest, AResumeThatFailsAndCannotBeEndedYetIsNotPaused) {
  Boot("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.FailNext(FakeVmm::Op::kRestore, kInjected);
  user_.FailNext(FakeBackend::Op::kDetach, kHeld);
  const auto resumed = lifecycle_.Resume("web", BackendChoice::kUser);
  ASSERT_FALSE(resumed);
  EXPECT_THAT(resumed.error().what, HasSubstr("injected"));
  EXPECT_THAT(resumed.error().what, HasSubstr("812"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kResuming);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(user_.Attached().value(), IsEmpty());
  EXPECT_TRUE(lifecycle_.Resume("web", BackendChoice::kUser));
}

TEST_F(MachineFailuresTest, AResumeWhoseMachineCannotBeEndedYetIsNotPaused) {
  const SandboxRecord record = Boot("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.FailNext(FakeVmm::Op::kWake, kInjected);
  vmm_.FailNext(FakeVmm::Op::kStop, kInjected);
  EXPECT_FALSE(lifecycle_.Resume("web", BackendChoice::kUser));
  EXPECT_EQ(Recorded("web").state, SandboxState::kResuming);
  EXPECT_THAT(user_.Attached().value(), SizeIs(1)) << "its machine may use it";
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("memory is lost"));
}

TEST_F(MachineFailuresTest, AResumeThatFailsAfterItRanSaysThatMemoryIsLost) {
  Boot("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.FailNext(FakeVmm::Op::kWake, kInjected);
  EXPECT_FALSE(lifecycle_.Resume("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("injected"));
  EXPECT_THAT(Recorded("web").reason, HasSubstr("memory is lost"));
  EXPECT_EQ(MachineState(Recorded("web")), "ended");
}

TEST_F(MachineFailuresTest, AResumeThatWasKilledAfterItRanSaysThatMemoryIsLost) {
  const SandboxRecord record = Boot("web");
  LeaveIn(SandboxState::kResuming, record);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("memory is lost"));
}

TEST_F(MachineFailuresTest, OneThatWasSavedIsSoThoughItsDiskWentBeforeItWasDetached) {
  Boot("web");
  const std::string before = Count("web");
  dm_.DieAtNextDetach();
  ASSERT_TRUE(lifecycle_.Pause("web"));
  EXPECT_EQ(MachineState(Recorded("web")), "saved");
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineFailuresTest, OneThatAKilledForkHeldStillGoesOn) {
  const SandboxRecord parent = Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  vmm_.StandStill(parent.id);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
  EXPECT_FALSE(Exists(fork));
}

TEST_F(MachineFailuresTest, OneThatAKilledSnapshotHeldStillGoesOn) {
  const SandboxRecord parent = Boot("web");
  ASSERT_TRUE(catalog_->Begin(
      {.id = "tp-00000001", .verb = "snapshot", .object = parent.id, .began_at = Timestamp{}}));
  vmm_.StandStill(parent.id);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
}

TEST_F(MachineFailuresTest, OneThatIsJustCopiedIsLeftAlone) {
  const SandboxRecord parent = Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  const auto at_work = ObjectLock::Take(layout_.locks(), fork, "fork");
  ASSERT_TRUE(at_work);
  vmm_.StandStill(parent.id);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_FALSE(vmm_.Exec(parent.id, {.argv = {"count"}}));
}

TEST_F(MachineFailuresTest, WhatWasHalfMadeOfOneThatSomebodyWorksOnStays) {
  const SandboxRecord parent = Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  vmm_.StandStill(parent.id);
  {
    const auto at_work = ObjectLock::Take(layout_.locks(), parent.id, "recover");
    ASSERT_TRUE(at_work);
    ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
    EXPECT_TRUE(Exists(fork)) << "whoever works on it may fail to have it go on";
  }
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
  EXPECT_FALSE(Exists(fork));
}

TEST_F(MachineFailuresTest, WhatAMachineGoesOnWithoutIsToldAndKeepsNothingHalfMade) {
  Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  vmm_.Warn("its file systems may still be frozen");
  const auto report = Recover(host_, RecoverScope::kQuick);
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->changed.empty());
  EXPECT_THAT(report->changed[0].outcome, HasSubstr("may still be frozen"));
  EXPECT_THAT(report->stuck, IsEmpty());
  EXPECT_FALSE(Exists(fork));
}

TEST_F(MachineFailuresTest, OneThatCannotGoOnIsToldAndTriedAgain) {
  const SandboxRecord parent = Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  ASSERT_TRUE(catalog_->Begin(
      {.id = "tp-00000001", .verb = "snapshot", .object = parent.id, .began_at = Timestamp{}}));
  vmm_.StandStill(parent.id);
  vmm_.FailNext(FakeVmm::Op::kGoOn, kInjected);
  const auto report = Recover(host_, RecoverScope::kQuick);
  ASSERT_TRUE(report);
  ASSERT_THAT(report->stuck, SizeIs(1));
  EXPECT_THAT(report->stuck[0].outcome, HasSubstr("injected"));
  EXPECT_TRUE(Exists(fork)) << "nobody would look for its parent again";
  EXPECT_THAT(catalog_->Intents().value(), SizeIs(1));
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
  EXPECT_FALSE(Exists(fork));
  EXPECT_THAT(catalog_->Intents().value(), IsEmpty());
}

TEST_F(MachineFailuresTest, WhereTheMemoryCannotBeSharedThereIsNoForkAndNoSnapshot) {
  Boot("web");
  const std::string fork = ForkOf("web");
  vmm_.FailNext(FakeVmm::Op::kMove, kInjected);
  EXPECT_FALSE(lifecycle_.Fork(fork, 2));
  EXPECT_EQ(catalog_->Sandboxes()->size(), 2U);
  vmm_.FailNext(FakeVmm::Op::kMove, kInjected);
  EXPECT_FALSE(TakeSnapshot(host_, fork, "ready"));
  EXPECT_THAT(catalog_->Intents().value(), IsEmpty());
  EXPECT_EQ(catalog_->Templates()->size(), 2U);
  EXPECT_TRUE(vmm_.IsRunning(fork));
}

TEST_F(MachineFailuresTest, WhereOneForkDoesNotRunThereIsNone) {
  Boot("web");
  vmm_.FailNext(FakeVmm::Op::kWake, kInjected);
  EXPECT_FALSE(lifecycle_.Fork("web", 3));
  EXPECT_EQ(catalog_->Sandboxes()->size(), 1U);
  EXPECT_THAT(dm_.Attached().value(), SizeIs(1));
  EXPECT_TRUE(vmm_.IsRunning(Recorded("web").id));
}

}  // namespace
}  // namespace veneer
