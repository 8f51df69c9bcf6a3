// Machines and commands that are killed.
#include <gmock/gmock.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "machine/machines.h"
#include "support/kill_at.h"

namespace veneer::lifecycle {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using support::Offspring;
using support::SystemCall;

// What changes something outside of the process.
const std::set<std::string> kSteps{"sendmsg", "sendto", "unlink",           "rename",
                                   "linkat",  "fsync",  "fdatasync",        "pwrite64",
                                   "mkdir",   "wait4",  "pidfd_send_signal"};

class MachineKillTest : public MachinesTest {
 protected:
  // The calls at which the verb is to be killed: some, spread over all of it; with VENEER_STORM
  // each. The verb is done once on the way.
  [[nodiscard]] std::vector<SystemCall> Moments(const std::vector<std::string>& verb) const {
    std::vector<SystemCall> calls = support::TraceSystemCalls(Command(verb), Offspring::kLeftAlone);
    std::erase_if(calls, [](const SystemCall& each) { return !kSteps.contains(each.name); });
    if (std::getenv("VENEER_STORM") != nullptr) return calls;
    constexpr std::size_t kSome = 4;
    std::vector<SystemCall> some;
    for (std::size_t n = 1; n <= kSome && !calls.empty(); ++n) {
      some.push_back(calls[n * calls.size() / (kSome + 1)]);
    }
    return some;
  }

  void KillVerb(const std::vector<std::string>& verb, const SystemCall& call) const {
    support::Run(support::KilledAt(call, Command(verb), Offspring::kLeftAlone),
                 support::UnderTracer());
    EXPECT_EQ(Ok({"recover"}).at("stuck"), json::array());
  }

  void KillAndRecover(const std::string& verb, const SystemCall& call) {
    SCOPED_TRACE(verb + " killed at " + call.name + " " + std::to_string(call.occurrence));
    KillVerb({verb, "one"}, call);
    const std::string state = StateOf("one");
    EXPECT_TRUE(state == "running" || state == "paused") << state;
    EXPECT_EQ(Machines().size(), state == "running" ? 1U : 0U);
    ExpectServers(state == "running" ? 1 : 0);
    if (state == "paused") Ok({"resume", "one"});
    EXPECT_EQ(Said("one", "cat /root/file"), "kept\n");
  }
};

TEST_F(MachineKillTest, APauseThatIsKilledIsUndoneOrDone) {
  Boot("one");
  Said("one", "echo kept >/root/file; sync /root/file; echo here >/run/memory");
  const std::vector<SystemCall> moments = Moments({"pause", "one"});
  ASSERT_FALSE(moments.empty());
  Ok({"resume", "one"});
  for (const SystemCall& call : moments) {
    KillAndRecover("pause", call);
    // No moment of it loses memory.
    EXPECT_EQ(Said("one", "cat /run/memory"), "here\n");
  }
}

TEST_F(MachineKillTest, AResumeThatIsKilledKeepsTheDisk) {
  Boot("one");
  Said("one", "echo kept >/root/file; sync /root/file");
  Ok({"pause", "one"});
  const std::vector<SystemCall> moments = Moments({"resume", "one"});
  ASSERT_FALSE(moments.empty());
  for (const SystemCall& call : moments) {
    Ok({"pause", "one"});
    KillAndRecover("resume", call);
  }
}

// A copy's memory is in its state. Forks of it that share begin by having a machine move it out.
TEST_F(MachineKillTest, AForkThatIsKilledWhileMemoryIsSharedHasNotBegunOrIsDone) {
  Boot("one");
  Said("one", "echo kept >/root/file; sync /root/file; echo here >/run/memory");
  const std::string copy = Ok({"fork", "one"})[0].at("id");
  Ok({"destroy", "one"});
  const auto destroy_forks = [&] {
    for (const json& each : Ok({"ls"})) {
      if (each.at("id") != copy) Ok({"destroy", each.at("id")});
    }
  };
  const std::vector<std::string> verb{"fork", copy, "--count", "2"};
  const std::vector<SystemCall> moments = Moments(verb);
  ASSERT_FALSE(moments.empty());
  destroy_forks();
  for (const SystemCall& call : moments) {
    SCOPED_TRACE("fork killed at " + call.name + " " + std::to_string(call.occurrence));
    KillVerb(verb, call);
    const json there = Ok({"ls"});
    EXPECT_THAT(there.size(), AnyOf(1, 3));
    for (const json& each : there) {
      EXPECT_EQ(Said(each.at("id"), "cat /root/file /run/memory"), "kept\nhere\n");
    }
    EXPECT_THAT(Machines(), SizeIs(there.size()));
    ExpectServers(there.size());
    EXPECT_TRUE(support::Eventually([&] { return Keepers().size() == there.size(); },
                                    std::chrono::minutes(1)));
    EXPECT_EQ(Ok({"gc"}).at("removed"), json::array()) << "recover left something";
    destroy_forks();
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(MachineKillTest, AMachineThatIsKilledLeavesAPausedSandboxWithItsFiles) {
  Boot("one");
  Said("one", "echo kept >/root/file; sync /root/file");
  ASSERT_THAT(Machines(), SizeIs(1));
  EXPECT_TRUE(KillMachine());
  const json recovered = Ok({"recover"});
  EXPECT_THAT(recovered.at("changed").dump(), HasSubstr("its machine ended"));
  EXPECT_EQ(StateOf("one"), "paused");
  EXPECT_THAT(Keepers(), IsEmpty());
  Ok({"resume", "one"});
  EXPECT_EQ(Said("one", "cat /root/file"), "kept\n");
}

TEST_F(MachineKillTest, AMachineWhoseKeeperIsKilledIsEndedOrRunsOn) {
  Boot("one");
  ASSERT_THAT(Keepers(), SizeIs(1));
  Kill(Keepers().front());
  Ok({"recover"});
  Ok({"destroy", "one"});
  EXPECT_THAT(Machines(), IsEmpty());
}

TEST_F(MachineKillTest, ADiskThatIsKilledTakesItsMachineWithIt) {
  Boot("one");
  ASSERT_THAT(Servers(), SizeIs(1));
  Kill(Servers().front());
  Ok({"recover"});
  EXPECT_EQ(StateOf("one"), "paused");
  EXPECT_THAT(Machines(), IsEmpty());
}

}  // namespace
}  // namespace veneer::lifecycle
