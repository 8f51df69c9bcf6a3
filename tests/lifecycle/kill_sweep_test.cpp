// Kills each verb at each of its steps; after `veneer recover` it has either not begun or is done.
//
// A guest's CPU is emulated: there it is killed at some of them only, spread over all, unless
// VENEER_STORM asks for the whole.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

#include "lifecycle/sandboxes.h"
#include "support/kill_at.h"

namespace veneer::lifecycle {
namespace {

using support::Offspring;
using support::Outcome;
using support::SystemCall;

// What changes anything outside of the process, or lets others see that it has ended.
const std::set<std::string> kSteps{
    "pwrite64", "write",  "fdatasync", "fsync",           "ftruncate", "fallocate", "unlink",
    "unlinkat", "linkat", "rename",    "renameat",        "mkdir",     "mknod",     "mknodat",
    "symlink",  "ioctl",  "clone",     "vfork",           "clone3",    "sendto",    "sendmsg",
    "connect",  "flock",  "fchmod",    "copy_file_range", "wait4"};

constexpr std::size_t kCutsInAGuest = 3;

struct Case {
  const char* verb;
  bool paused = false;
  bool names_backend = false;
  std::vector<std::string> command;
};

// As many as there is time for, spread over all of them.
std::vector<SystemCall> Chosen(const std::vector<SystemCall>& calls, bool in_guest) {
  const bool all = !in_guest || std::getenv("VENEER_STORM") != nullptr;
  const std::size_t stride =
      all ? 1 : std::max<std::size_t>(1, (calls.size() + kCutsInAGuest - 1) / kCutsInAGuest);
  std::vector<SystemCall> chosen;
  for (std::size_t n = stride / 2; n < calls.size(); n += stride) chosen.push_back(calls[n]);
  return chosen;
}

void PrintTo(const Case& sweep, std::ostream* out) { *out << sweep.verb; }

class LifecycleKillTest : public SandboxesTest, public ::testing::WithParamInterface<Case> {
 protected:
  // The sandbox "web" with a flushed block, in the state that the verb begins in.
  void Prepare() const {
    Create("web");
    Write(DiskOf("web"), 1, 'w');
    if (GetParam().paused) Ok({"pause", "web"});
  }
  void CleanUp() const {
    for (const json& sandbox : Ok({"ls"})) Ok({"destroy", sandbox.at("id").get<std::string>()});
    for (const json& snapshot : Ok({"snapshot", "ls"})) {
      Ok({"snapshot", "rm", snapshot.at("id").get<std::string>()});
    }
  }

  void ExpectNotBegunOrDone() {
    const json report = Ok({"recover"});
    EXPECT_EQ(report.at("stuck"), json::array());
    Ok({"gc"});
    const json sandboxes = Ok({"ls"});
    for (const json& sandbox : sandboxes) {
      const bool has_data = sandbox.at("name") == "web" || sandbox.at("operation") == "fork";
      if (sandbox.at("state") == "running" && has_data) {
        EXPECT_EQ(Read(sandbox.at("path"), 1), 'w');
      }
    }
    ExpectAllAgree();
    const auto forks = std::ranges::count_if(
        sandboxes, [](const json& each) { return each.at("operation") == "fork"; });
    EXPECT_TRUE(forks == 0 || forks == 2) << forks << " of two forks";
    const bool has_web =
        std::ranges::any_of(sandboxes, [](const json& each) { return each.at("name") == "web"; });
    EXPECT_TRUE(has_web || GetParam().verb == std::string("destroy"));
    if (!has_web) return;
    if (StateOf("web") == "paused") Ok({"resume", "web"});
    EXPECT_EQ(Read(DiskOf("web"), 1), 'w');
  }
};

TEST_P(LifecycleKillTest, KilledAnywhereItHasNotBegunOrIsDone) {
  Prepare();
  std::vector<std::string> command = Command(GetParam().command);
  if (GetParam().names_backend) command.insert(command.end(), {"--backend", Backend()});
  auto calls = support::TraceSystemCalls(command, Offspring::kLeftAlone);
  CleanUp();
  std::erase_if(calls, [](const SystemCall& call) { return !kSteps.contains(call.name); });
  const std::vector<SystemCall> chosen = Chosen(calls, InGuest());
  std::size_t killed = 0;
  for (const SystemCall& call : chosen) {
    SCOPED_TRACE("cut at " + call.name + " " + std::to_string(call.occurrence));
    Prepare();
    const Outcome outcome = support::Run(support::KilledAt(call, command, Offspring::kLeftAlone),
                                         support::UnderTracer());
    // A few calls more or less where something has to be waited for.
    EXPECT_TRUE(outcome.status == support::kKilled || outcome.status == 0) << outcome.err;
    if (outcome.status == support::kKilled) ++killed;
    ExpectNotBegunOrDone();
    CleanUp();
    ASSERT_FALSE(HasFailure());
  }
  std::cout << Backend() << " " << GetParam().verb << ": " << calls.size()
            << " cut points, killed at " << killed << " of " << chosen.size() << " chosen\n";
  EXPECT_GT(calls.size(), 20U);
  EXPECT_GT(killed, chosen.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, LifecycleKillTest,
    ::testing::Values(Case{.verb = "create",
                           .names_backend = true,
                           .command = {"create", "base", "--name", "new"}},
                      Case{.verb = "pause", .command = {"pause", "web"}},
                      Case{.verb = "resume", .paused = true, .command = {"resume", "web"}},
                      Case{.verb = "fork", .command = {"fork", "web", "--count", "2"}},
                      Case{.verb = "snapshot",
                           .command = {"snapshot", "create", "web", "--name", "s"}},
                      Case{.verb = "destroy", .command = {"destroy", "web"}}),
    [](const auto& instance) { return std::string(instance.param.verb); });

}  // namespace
}  // namespace veneer::lifecycle
