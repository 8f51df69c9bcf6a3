// Sandboxes with machines, on models: the machine is a counter that its memory holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "images/space.h"
#include "sandbox/snapshot.h"
#include "sandbox/testing/sandbox_machine_test.h"

namespace veneer {
namespace {

using ::testing::IsEmpty;
using testing::kMachine;
using testing::MachineTest;
using ::testing::SizeIs;

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

TEST_F(MachineTest, AForkOfAForkThatIsAloneReadsTheMemoryByItself) {
  Boot("web");
  const std::string fork = ForkOf("web");
  const int before = std::stoi(Count(fork));
  const auto forks = lifecycle_.Fork(fork, 1);
  ASSERT_TRUE(forks) << forks.error().what;
  EXPECT_EQ(vmm_.SpecOf(forks->front().id).memory_use, VmMemory::kOwn);
  EXPECT_EQ(std::stoi(Count(forks->front().id)), before + 1);
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

TEST_F(MachineTest, AMachineNeedsRoomForItsMemory) {
  const Bytes available = RoomIn(layout_.sandboxes())->available;
  const Bytes slack = std::min(Bytes(available.value() / 2), GiB(512));
  Host host = host_;
  host.reserve = {.percent = 0, .size = available - slack};
  const auto create = [&](Bytes memory) {
    return Lifecycle(host).Create(
        {.template_reference = "bootable",
         .machine = MachineRecord{.memory = memory, .network = std::string(kUsualNetwork)}});
  };
  const auto refused = create(GiB(1024));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kNoSpace);
  EXPECT_THAT(catalog_->Sandboxes().value(), IsEmpty());
  EXPECT_TRUE(create(MiB(64)));
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
  const auto another = lifecycle_.Create(
      {.template_reference = "ready",
       .machine = MachineRecord{.memory = GiB(1), .network = std::string(kUsualNetwork)}});
  ASSERT_FALSE(another);
  EXPECT_EQ(another.error().kind, ErrorKind::kUsage);
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
