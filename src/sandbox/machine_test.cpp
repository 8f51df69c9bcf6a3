// Sandboxes with machines, on models: the machine is a counter that its memory holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "catalog/object_lock.h"
#include "sandbox/json_views.h"
#include "sandbox/recover.h"
#include "sandbox/snapshot.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer {
namespace {

using testing::FakeBackend;
using testing::FakeVmm;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Error kInjected{ErrorKind::kFailed, EIO, "injected", ""};
const MachineRecord kMachine{.memory = MiB(128), .cpus = 2, .network = "user"};

class MachineTest : public testing::SandboxTest {
 protected:
  MachineTest() {
    const auto imported =
        Templates(host_).Import({.name = "bootable",
                                 .source = source_,
                                 .boot = BootSource{.kernel = source_, .cmdline = "quiet"}});
    EXPECT_TRUE(imported) << imported.error().what;
  }

  SandboxRecord Boot(const std::string& name, const std::string& from = "bootable") {
    const auto record =
        lifecycle_.Create({.template_reference = from, .name = name, .machine = kMachine});
    EXPECT_TRUE(record) << record.error().what;
    return record.value_or(SandboxRecord{});
  }
  // The machine counts on; yields the number.
  std::string Count(const std::string& name) {
    std::string said;
    ExecRequest request{.argv = {"count"}};
    request.output = [&](ExecStream, std::string_view text) -> Result<void> {
      said = text;
      return {};
    };
    EXPECT_TRUE(vmm_.Exec(Recorded(name).id, request));
    return said;
  }
  std::string ForkOf(const std::string& name) {
    const auto forks = lifecycle_.Fork(name, 1);
    EXPECT_TRUE(forks) << forks.error().what;
    return forks ? forks->front().id : "";
  }
  bool HasFile(const std::string& path) const { return std::filesystem::exists(path); }
};

TEST_F(MachineTest, ABootedSandboxIsAMachineOnItsDisk) {
  const SandboxRecord record = Boot("web");
  ASSERT_TRUE(vmm_.IsRunning(record.id));
  const VmSpec& spec = vmm_.SpecOf(record.id);
  EXPECT_EQ(spec.disk, record.path);
  EXPECT_EQ(spec.cmdline, "quiet");
  EXPECT_EQ(spec.memory, MiB(128));
  EXPECT_EQ(spec.network, VmNetwork::kUser);
  EXPECT_EQ(Recorded("web").machine->acceleration, "emulation");
}

TEST_F(MachineTest, ATemplateThatBootsNothingIsRefused) {
  const auto created = lifecycle_.Create({.template_reference = "base", .machine = kMachine});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kUsage);
}

TEST_F(MachineTest, AMachineThatDoesNotBootLeavesNothing) {
  vmm_.FailNext(FakeVmm::Op::kStart, kInjected);
  const auto created =
      lifecycle_.Create({.template_reference = "bootable", .name = "web", .machine = kMachine});
  ASSERT_FALSE(created);
  EXPECT_FALSE(Exists("web"));
  EXPECT_THAT(FilesIn(layout_.sandboxes()), IsEmpty());
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
}

TEST_F(MachineTest, APausedMachineGoesOnFromWhereItWas) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  EXPECT_FALSE(vmm_.IsRunning(record.id));
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
  EXPECT_FALSE(HasFile(layout_.State(record.id)));
}

TEST_F(MachineTest, WhereSavingFailsItRunsOn) {
  const SandboxRecord record = Boot("web");
  vmm_.FailNext(FakeVmm::Op::kSave, kInjected);
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  EXPECT_TRUE(vmm_.IsRunning(record.id));
  EXPECT_THAT(dm_.Attached().value(), SizeIs(1));
}

TEST_F(MachineTest, WhereTheDiskIsHeldTheMachineGoesOn) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held", ""});
  EXPECT_FALSE(lifecycle_.Pause("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  ASSERT_TRUE(vmm_.IsRunning(record.id));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineTest, OneThatHasEndedOnADiskThatIsHeldIsNotBootedByAPause) {
  const SandboxRecord record = Boot("web");
  vmm_.Die(record.id, "the guest switched itself off");
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held by pid 812", ""});
  const auto paused = lifecycle_.Pause("web");
  ASSERT_FALSE(paused);
  EXPECT_THAT(paused.error().what, HasSubstr("812"));
  EXPECT_FALSE(vmm_.IsRunning(record.id));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPausing);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("switched itself off"));
}

TEST_F(MachineTest, OneThatEndsByItselfIsFoundPausedAndBootsAgain) {
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

TEST_F(MachineTest, APauseThatWasKilledBeforeItSavedIsFinished) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  LeaveIn(SandboxState::kPausing, record);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineTest, AResumeThatWasKilledBeforeItRanKeepsTheMemory) {
  const SandboxRecord record = Boot("web");
  const std::string before = Count("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  LeaveIn(SandboxState::kResuming, Recorded("web"));
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineTest, AResumeThatFailsKeepsTheMemory) {
  Boot("web");
  const std::string before = Count("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.FailNext(FakeVmm::Op::kRestore, kInjected);
  EXPECT_FALSE(lifecycle_.Resume("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineTest, AResumeThatFailsAfterItRanSaysThatMemoryIsLost) {
  Boot("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.FailNext(FakeVmm::Op::kWake, kInjected);
  EXPECT_FALSE(lifecycle_.Resume("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("injected"));
  EXPECT_THAT(Recorded("web").reason, HasSubstr("memory is lost"));
  EXPECT_EQ(MachineState(Recorded("web")), "ended");
}

TEST_F(MachineTest, AResumeThatWasKilledAfterItRanSaysThatMemoryIsLost) {
  const SandboxRecord record = Boot("web");
  LeaveIn(SandboxState::kResuming, record);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_THAT(Recorded("web").reason, HasSubstr("memory is lost"));
}

TEST_F(MachineTest, OneThatWasSavedIsSoThoughItsDiskWentBeforeItWasDetached) {
  Boot("web");
  const std::string before = Count("web");
  dm_.DieAtNextDetach();
  ASSERT_TRUE(lifecycle_.Pause("web"));
  EXPECT_EQ(MachineState(Recorded("web")), "saved");
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), std::stoi(before) + 1);
}

TEST_F(MachineTest, ForksGoOnFromOneMomentEachByItself) {
  Boot("web");
  const int before = std::stoi(Count("web"));
  const auto forks = lifecycle_.Fork("web", 2);
  ASSERT_TRUE(forks) << forks.error().what;
  std::set<std::string> seeds;
  for (const SandboxRecord& fork : *forks) {
    EXPECT_EQ(std::stoi(Count(fork.name)), before + 1);
    const auto& identity = vmm_.SpecOf(fork.id).identity;
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->host_name, fork.name);
    seeds.insert(identity->seed + identity->machine_id);
    EXPECT_FALSE(HasFile(layout_.State(fork.id)));
    EXPECT_FALSE(HasFile(layout_.Base(fork.id)));
  }
  EXPECT_THAT(seeds, SizeIs(2));
  EXPECT_EQ(std::stoi(Count("web")), before + 1);
  const SandboxRecord& first = forks->front();
  for (int round = 1; round <= 2; ++round) {
    ASSERT_TRUE(lifecycle_.Pause(first.id));
    ASSERT_TRUE(lifecycle_.Resume(first.id));
    EXPECT_EQ(std::stoi(Count(first.name)), before + 1 + round);
    EXPECT_FALSE(vmm_.SpecOf(first.id).identity) << "it goes on as itself";
  }
}

TEST_F(MachineTest, ForksOfAForkShareTheirMemory) {
  Boot("web");
  const std::string fork = ForkOf("web");
  const int before = std::stoi(Count(fork));
  const auto forks = lifecycle_.Fork(fork, 3);
  ASSERT_TRUE(forks) << forks.error().what;
  for (const SandboxRecord& each : *forks) {
    EXPECT_EQ(vmm_.SpecOf(each.id).memory_use, VmMemory::kShared);
    EXPECT_EQ(std::stoi(Count(each.id)), before + 1);
  }
  EXPECT_EQ(std::stoi(Count(fork)), before + 1);
}

TEST_F(MachineTest, OneThatAKilledForkHeldStillGoesOn) {
  const SandboxRecord parent = Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  vmm_.StandStill(parent.id);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
  EXPECT_FALSE(Exists(fork));
}

TEST_F(MachineTest, OneThatAKilledSnapshotHeldStillGoesOn) {
  const SandboxRecord parent = Boot("web");
  ASSERT_TRUE(catalog_->Begin(
      {.id = "tp-00000001", .verb = "snapshot", .object = parent.id, .began_at = Timestamp{}}));
  vmm_.StandStill(parent.id);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_EQ(Count("web"), "1");
}

TEST_F(MachineTest, OneThatIsJustCopiedIsLeftAlone) {
  const SandboxRecord parent = Boot("web");
  const std::string fork = ForkOf("web");
  LeaveIn(SandboxState::kCreating, Recorded(fork));
  const auto at_work = ObjectLock::Take(layout_.locks(), fork, "fork");
  ASSERT_TRUE(at_work);
  vmm_.StandStill(parent.id);
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_FALSE(vmm_.Exec(parent.id, {.argv = {"count"}}));
}

TEST_F(MachineTest, OneThatCannotGoOnIsToldAndTriedAgain) {
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

TEST_F(MachineTest, AForkOfAForkThatIsAloneReadsTheMemoryByItself) {
  Boot("web");
  const std::string fork = ForkOf("web");
  const int before = std::stoi(Count(fork));
  const auto forks = lifecycle_.Fork(fork, 1);
  ASSERT_TRUE(forks) << forks.error().what;
  EXPECT_EQ(vmm_.SpecOf(forks->front().id).memory_use, VmMemory::kOwn);
  EXPECT_EQ(std::stoi(Count(forks->front().id)), before + 1);
}

TEST_F(MachineTest, WhereTheMemoryCannotBeSharedThereIsNoForkAndNoSnapshot) {
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

TEST_F(MachineTest, ForksOfAForkThatIsPausedLeaveItsMemoryToIt) {
  Boot("web");
  const std::string fork = ForkOf("web");
  const int before = std::stoi(Count(fork));
  ASSERT_TRUE(lifecycle_.Pause(fork));
  const auto forks = lifecycle_.Fork(fork, 2);
  ASSERT_TRUE(forks) << forks.error().what;
  for (const SandboxRecord& each : *forks) EXPECT_EQ(std::stoi(Count(each.id)), before + 1);
  ASSERT_TRUE(lifecycle_.Resume(fork));
  EXPECT_EQ(std::stoi(Count(fork)), before + 1);
}

TEST_F(MachineTest, SandboxesOfAForksSnapshotShareItsMemory) {
  Boot("web");
  const std::string fork = ForkOf("web");
  const int before = std::stoi(Count(fork));
  ASSERT_TRUE(TakeSnapshot(host_, fork, "ready"));
  for (const char* name : {"one", "two"}) {
    EXPECT_EQ(vmm_.SpecOf(Boot(name, "ready").id).memory_use, VmMemory::kShared);
    EXPECT_EQ(std::stoi(Count(name)), before + 1);
  }
}

TEST_F(MachineTest, WhereOneForkDoesNotRunThereIsNone) {
  Boot("web");
  vmm_.FailNext(FakeVmm::Op::kWake, kInjected);
  EXPECT_FALSE(lifecycle_.Fork("web", 3));
  EXPECT_EQ(catalog_->Sandboxes()->size(), 1U);
  EXPECT_THAT(dm_.Attached().value(), SizeIs(1));
  EXPECT_TRUE(vmm_.IsRunning(Recorded("web").id));
}

TEST_F(MachineTest, WhatAMachineGoesOnWithoutIsTold) {
  Boot("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  vmm_.Warn("its clock is not set");
  const auto resumed = lifecycle_.Resume("web");
  ASSERT_TRUE(resumed);
  EXPECT_THAT(resumed->warnings, ::testing::ElementsAre("its clock is not set"));
  EXPECT_THAT(Recorded("web").warnings, IsEmpty());
}

TEST_F(MachineTest, ForksOfAPausedMachineAreItsMoment) {
  Boot("web");
  const int before = std::stoi(Count("web"));
  ASSERT_TRUE(lifecycle_.Pause("web"));
  const auto forks = lifecycle_.Fork("web", 1);
  ASSERT_TRUE(forks) << forks.error().what;
  EXPECT_EQ(std::stoi(Count(forks->front().name)), before + 1);
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_EQ(std::stoi(Count("web")), before + 1);
}

TEST_F(MachineTest, ASnapshotWithMemoryStartsOthersFromItsMoment) {
  Boot("web");
  const int before = std::stoi(Count("web"));
  const auto snapshot = TakeSnapshot(host_, "web", "ready");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  EXPECT_TRUE(snapshot->record.machine);
  Boot("two", "ready");
  EXPECT_EQ(std::stoi(Count("two")), before + 1);
  EXPECT_EQ(std::stoi(Count("web")), before + 1);
  ASSERT_TRUE(lifecycle_.Destroy("two", DestroyMode::kCareful));
  ASSERT_TRUE(Templates(host_).Remove("ready"));
  EXPECT_FALSE(HasFile(layout_.Base(snapshot->record.id)));
}

TEST_F(MachineTest, DestroyEndsTheMachineAndItsFiles) {
  const SandboxRecord record = Boot("web");
  ASSERT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful));
  EXPECT_FALSE(vmm_.IsRunning(record.id));
  EXPECT_THAT(FilesIn(layout_.sandboxes()), IsEmpty());
}

}  // namespace
}  // namespace veneer
