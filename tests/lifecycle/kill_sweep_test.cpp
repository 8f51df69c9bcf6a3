// Kills each verb at each of its steps; after `veneer recover` it has either not begun or is done.
//
// A guest's CPU is emulated: there it is killed at some of them only, spread over all, unless
// VENEER_STORM asks for the whole.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

#include "lifecycle/verb_cases.h"
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

// As many as there is time for, spread over all of them.
std::vector<SystemCall> Chosen(const std::vector<SystemCall>& calls, bool in_guest) {
  const bool all = !in_guest || std::getenv("VENEER_STORM") != nullptr;
  const std::size_t stride =
      all ? 1 : std::max<std::size_t>(1, (calls.size() + kCutsInAGuest - 1) / kCutsInAGuest);
  std::vector<SystemCall> chosen;
  for (std::size_t n = stride / 2; n < calls.size(); n += stride) chosen.push_back(calls[n]);
  return chosen;
}

class LifecycleKillTest : public VerbTest {};

TEST_P(LifecycleKillTest, KilledAnywhereItHasNotBegunOrIsDone) {
  Prepare();
  const std::vector<std::string> command = Verb();
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

INSTANTIATE_TEST_SUITE_P(Verbs, LifecycleKillTest, ::testing::ValuesIn(EachVerb()), NameOfVerb);

}  // namespace
}  // namespace veneer::lifecycle
