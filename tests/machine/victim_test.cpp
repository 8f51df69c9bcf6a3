// A machine, or the server of its disk, that is killed while a command pauses or resumes it: before
// each step of that command, all of which see the victim gone.
#include <gmock/gmock.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "machine/machines.h"
#include "support/step_by_step.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using support::Outcome;
using ::testing::AnyOf;
using ::testing::Ge;
using ::testing::Le;
using ::testing::SizeIs;

// What changes something outside of the process, or waits for an answer from there.
const std::set<long> kSteps{SYS_sendmsg, SYS_sendto,  SYS_recvfrom,         SYS_recvmsg,
                            SYS_poll,    SYS_connect, SYS_unlink,           SYS_rename,
                            SYS_linkat,  SYS_fsync,   SYS_fdatasync,        SYS_pwrite64,
                            SYS_mkdir,   SYS_wait4,   SYS_pidfd_send_signal};

enum class Victim { kMachine, kServer };

struct Case {
  const char* verb;
  Victim victim;
};

void PrintTo(const Case& cut, std::ostream* out) {
  *out << cut.verb << (cut.victim == Victim::kMachine ? " machine" : " server");
}

// The first, the last and some between them; with VENEER_STORM each.
std::vector<unsigned> ChosenOf(unsigned cut_points) {
  const bool each = std::getenv("VENEER_STORM") != nullptr;
  const unsigned count = each ? cut_points : 4;
  std::vector<unsigned> chosen;
  chosen.reserve(count);
  for (unsigned n = 0; n < count; ++n) chosen.push_back(n * (cut_points - 1) / (count - 1));
  return chosen;
}

class VictimTest : public MachinesTest, public ::testing::WithParamInterface<Case> {
 protected:
  [[nodiscard]] std::vector<std::string> Verb() const { return Command({GetParam().verb, "one"}); }
  [[nodiscard]] std::vector<pid_t> Victims() const {
    return GetParam().victim == Victim::kMachine ? Machines() : Servers();
  }

  // The sandbox in the state that the verb begins in, with something flushed and something in
  // memory.
  void Prepare() {
    const bool there = !Ok({"ls"}).empty();
    const bool alive = there && StateOf("one") == "running";
    if (there && !alive) Ok({"destroy", "one"});
    if (!alive) {
      Boot("one");
      Said("one", "echo kept >/root/file; sync /root/file /root; echo here >/run/memory");
    }
    if (GetParam().verb == std::string("resume")) Ok({"pause", "one"});
  }

  // How many steps there are before which there is somebody to kill. The verb is done once.
  unsigned CutPoints() {
    Prepare();
    unsigned points = 0;
    const Outcome outcome = support::RunStepByStep(Verb(), kSteps, [&](unsigned) {
      if (!Victims().empty()) ++points;
    });
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    if (GetParam().verb == std::string("pause")) Ok({"resume", "one"});
    return points;
  }

  [[nodiscard]] bool KillVictim() const {
    if (GetParam().victim == Victim::kMachine) return KillMachine();
    return !Servers().empty() && Kill(Servers().front());
  }

  // Counted as CutPoints does. How many there are depends on how long the verb has to wait: where
  // this one does not come, it is tried again at half of it, and so at the first one at last.
  void KillAt(unsigned point) {
    Prepare();
    unsigned before = 0;
    const bool killed = KillOnce([&] { return !Victims().empty() && before++ == point; });
    ExpectRecovered();
    if (killed || HasFailure()) return;
    ASSERT_GT(point, 0U) << "there was nobody to kill";
    KillAt(point / 2);
  }

  // Before the first step at which there is a victim, and a state to go on from.
  bool KillBesideAState() {
    const std::string state =
        root_ + "/sandboxes/" + Show("one").at("id").get<std::string>() + ".state";
    return KillOnce([&] { return fs::exists(state) && !Victims().empty(); });
  }

  bool KillOnce(const std::function<bool()>& is_time) {
    bool tried = false;
    bool killed = false;
    const Outcome outcome = support::RunStepByStep(Verb(), kSteps, [&](unsigned) {
      if (tried || !is_time()) return;
      tried = true;
      killed = KillVictim();
    });
    EXPECT_FALSE(outcome.timed_out);
    // It says itself how it ended, and is not ended by what it meets.
    constexpr int kLastStatus = 7;
    EXPECT_THAT(outcome.status, ::testing::AllOf(Ge(0), Le(kLastStatus))) << outcome.err;
    return killed;
  }

  void ExpectRecovered() {
    EXPECT_EQ(Ok({"recover"}).at("stuck"), json::array());
    const json sandbox = Show("one");
    const bool runs = sandbox.at("state") == "running";
    ASSERT_TRUE(runs || sandbox.at("state") == "paused") << sandbox;
    EXPECT_THAT(Machines(), SizeIs(runs ? 1 : 0));
    ExpectServers(runs ? 1 : 0);
    EXPECT_TRUE(support::Eventually([&] { return Keepers().size() == (runs ? 1U : 0U); },
                                    std::chrono::minutes(1)));
    EXPECT_THAT(Mounts(), SizeIs(runs ? 1 : 0));
    const bool lost = !runs && sandbox.at("machine").at("state") == "ended";
    if (lost) {
      EXPECT_NE(sandbox.value("reason", ""), "") << sandbox;
      EXPECT_EQ(OnItsDisk(sandbox.at("id"), "/root/file"), "kept\n");
      ++lost_;
      return;
    }
    if (!runs) Ok({"resume", "one"});
    EXPECT_EQ(Said("one", "cat /root/file /run/memory"), "kept\nhere\n");
    ++kept_;
  }

  // A file on the disk of a sandbox that does not run, as whoever boots from it finds it. Its file
  // system needs no more than its journal to be sound.
  [[nodiscard]] std::string OnItsDisk(const std::string& id, const std::string& path) const {
    const std::string disk = Path("flat");
    const json from = Ok({"template", "show", "ready"});
    Ok({"cow", "flatten", StoreOf(id), "--origin", ImageOf(from.at("id").get<std::string>()),
        "--output", disk, "--force"});
    const Outcome checked = support::Run({"e2fsck", "-f", "-p", disk});
    EXPECT_THAT(checked.status, AnyOf(0, 1)) << checked.out << checked.err;
    const Outcome read = support::Run({"debugfs", "-R", "cat " + path, disk});
    fs::remove(disk);
    return read.out;
  }

  unsigned lost_ = 0;
  unsigned kept_ = 0;
};

TEST_P(VictimTest, WhateverStepItIsKilledBeforeWhatWasFlushedIsThere) {
  const unsigned points = CutPoints();
  ASSERT_GT(points, 4U);
  const std::vector<unsigned> chosen = ChosenOf(points);
  for (const unsigned point : chosen) {
    SCOPED_TRACE("killed at cut point " + std::to_string(point));
    KillAt(point);
    ASSERT_FALSE(HasFailure());
  }
  // While a machine is saved, how many steps there are depends on how long that takes. This one is
  // always there.
  const unsigned kept_before = kept_;
  Prepare();
  EXPECT_TRUE(KillBesideAState());
  ExpectRecovered();
  EXPECT_EQ(kept_, kept_before + 1);
  std::cout << points << " cut points, killed at " << chosen.size() << " of them: memory kept "
            << kept_ << " times, lost " << lost_ << " times\n";
  // One more for each cut that had to be tried again.
  EXPECT_GE(kept_ + lost_, chosen.size() + 1);
  // A pause saves and then ends them, a resume has what was saved until it runs: there is one step
  // from which on the memory is lost, or is not. Some of the steps may all lie on one side of it.
  EXPECT_GT(kept_, 0U);
  if (chosen.size() == points) {
    EXPECT_GT(lost_, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Verbs, VictimTest,
                         ::testing::Values(Case{"pause", Victim::kMachine},
                                           Case{"pause", Victim::kServer},
                                           Case{"resume", Victim::kMachine},
                                           Case{"resume", Victim::kServer}),
                         [](const auto& each) {
                           return std::string(each.param.verb) +
                                  (each.param.victim == Victim::kMachine ? "Machine" : "Server");
                         });

}  // namespace
}  // namespace veneer::lifecycle
