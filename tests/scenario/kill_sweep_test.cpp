// Kills a command at one system call after the other, until it gets through: a cut at every step of
// what has several steps.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "scenario/scenario.h"
#include "support/disk_client.h"
#include "support/kill_at.h"

namespace veneer::scenario {
namespace {

using support::KilledAt;
using support::kKilled;
using support::Outcome;
using support::SystemCall;
using support::UnderTracer;
using Arguments = std::vector<std::string>;

constexpr std::chrono::minutes kPatience{2};
constexpr unsigned kNever = 100'000;

// The calls with which a server changes anything outside of itself while it attaches and detaches.
const std::vector<SystemCall> kServerSteps{
    {"mkdir"}, {"bind"},     {"flock"},     {"mount"}, {"umount2"},   {"unlink"},   {"rename"},
    {"ioctl"}, {"pwrite64"}, {"fdatasync"}, {"fsync"}, {"fallocate"}, {"ftruncate"}};

class KillSweepTest : public ScenarioTest {
 protected:
  // Kills the command at each of its system calls, and calls `look` after each cut. `undo` takes
  // back what the command does where it gets through. Returns how many cuts there were.
  template <class Look, class Undo>
  std::size_t CutEverywhere(const Arguments& arguments, const Look& look, const Undo& undo) {
    Arguments program{support::Program()};
    program.insert(program.end(), arguments.begin(), arguments.end());
    const auto calls = support::TraceSystemCalls(program);
    std::size_t cuts = 0;
    for (const SystemCall& call : calls) {
      undo();
      SCOPED_TRACE(fmt::format("cut at {} {}", call.name, call.occurrence));
      const Outcome outcome = support::Run(KilledAt(call, program), UnderTracer());
      const bool killed = outcome.status == kKilled;
      const bool came_through = outcome.status == 0 && !support::kEachRunIsTheSame;
      EXPECT_TRUE(killed || came_through) << "status " << outcome.status << ": " << outcome.err;
      if (killed) ++cuts;
      look();
      if (HasFailure()) break;
    }
    undo();
    EXPECT_EQ(support::Run(program).status, 0);
    return cuts;
  }

  // Names in the directory but for what the test made itself.
  [[nodiscard]] Arguments Strangers(const Arguments& known) const {
    Arguments names = dir_.List();
    std::erase_if(names, [&](const std::string& name) { return std::ranges::count(known, name); });
    return names;
  }

  // Kills a server at each call with which it changes anything while it attaches and detaches. What
  // is left of it, the next attach and detach take away. Returns how many cuts there were.
  unsigned CutServerEverywhere(const Arguments& options) {
    Arguments serve{support::Program(), "cow",   "serve", store_,       "--origin", origin_, "--at",
                    Path("disk"),       "--run", run_,    "--ready-fd", "1"};
    serve.insert(serve.end(), options.begin(), options.end());
    unsigned cuts = 0;
    for (const SystemCall& call : kServerSteps) {
      for (SystemCall cut = call; cut.occurrence < kNever; ++cut.occurrence) {
        SCOPED_TRACE(fmt::format("cut at {} {}", cut.name, cut.occurrence));
        const int status = ServeOnce(KilledAt(cut, serve));
        EXPECT_TRUE(status == 0 || status == kKilled) << "status " << status;
        const Attached disk = Attach(Path("disk"), options);
        Detach(disk.target());
        ExpectStoreIsSound();
        ExpectNothingIsLeft();
        if (HasFailure()) return cuts;
        if (status == 0) break;
        ++cuts;
      }
    }
    return cuts;
  }

  // Attaches, and detaches once it is ready; yields how the server ended.
  int ServeOnce(const Arguments& program) {
    support::Child server(program, UnderTracer());
    if (server.WaitForOutput("\"path\"", kPatience)) {
      for (const pid_t process : Servers()) ::kill(process, SIGTERM);
    }
    return server.Wait(kPatience).status;
  }

  void WriteSomething() {
    const Attached disk = Attach(Path("disk"));
    MustRun({"dd", "if=/dev/urandom", "of=" + disk.path, "bs=64K", "count=5", "conv=notrunc,fsync",
             "status=none"});
    Detach(disk.path);
  }
};

TEST_F(KillSweepTest, ACreatedStoreIsWholeOrNotThere) {
  MakeDisk(1);
  const std::string made = Path("new.cow");
  const std::size_t cuts = CutEverywhere(
      {"cow", "create", made, "--origin", origin_},
      [&] {
        if (std::filesystem::exists(made)) {
          Ok({"cow", "check", made, "--origin", origin_});
          std::filesystem::remove(made);
        }
        EXPECT_EQ(Strangers({"origin.img", "disk.cow"}), Arguments{});
      },
      [&] { std::filesystem::remove(made); });
  EXPECT_GT(cuts, 10U);
}

TEST_F(KillSweepTest, AFlattenedImageIsWholeOrNotThere) {
  MakeDisk(1);
  WriteSomething();
  const std::string out = Path("out");
  Ok({"cow", "flatten", store_, "--origin", origin_, "--output", Path("expected")});
  const std::string whole = support::Sha256(Path("expected"));
  const std::size_t cuts = CutEverywhere(
      {"cow", "flatten", store_, "--origin", origin_, "--output", out},
      [&] {
        if (std::filesystem::exists(out)) {
          EXPECT_EQ(support::Sha256(out), whole);
        }
        EXPECT_EQ(Strangers({"origin.img", "disk.cow", "expected", "out", "run"}), Arguments{});
      },
      [&] { std::filesystem::remove(out); });
  EXPECT_GT(cuts, 10U);
}

TEST_F(KillSweepTest, AReplacedImageIsTheOldOneOrTheNewOne) {
  MakeDisk(1);
  WriteSomething();
  const std::string out = Path("out");
  Ok({"cow", "flatten", store_, "--origin", origin_, "--output", Path("expected")});
  const std::string whole = support::Sha256(Path("expected"));
  support::WriteFile(out, "old");
  const std::string old = support::Sha256(out);
  const std::size_t cuts = CutEverywhere(
      {"cow", "flatten", store_, "--origin", origin_, "--output", out, "--force"},
      [&] {
        const std::string now = support::Sha256(out);
        EXPECT_TRUE(now == old || now == whole);
        // The next run takes over what a cut between two names left.
        EXPECT_EQ(
            Strangers({"origin.img", "disk.cow", "expected", "out", "run", ".out.veneer-new"}),
            Arguments{});
      },
      [&] { support::WriteFile(out, "old"); });
  EXPECT_GT(cuts, 10U);
  EXPECT_EQ(support::Sha256(out), whole);
  EXPECT_FALSE(std::filesystem::exists(Path(".out.veneer-new")));
}

TEST_F(KillSweepTest, WhatAKilledServerLeavesIsTakenAwayByTheNext) {
  MakeDisk(2);
  EXPECT_GT(CutServerEverywhere({"--block"}), 10U);
}

TEST_F(KillSweepTest, WhatAKilledServerOfNbdLeavesIsTakenAwayByTheNext) {
  if (!support::kHasNbd) GTEST_SKIP() << support::kNoNbd;
  MakeDisk(2);
  EXPECT_GT(CutServerEverywhere({"--export", "nbd"}), 10U);
}

}  // namespace
}  // namespace veneer::scenario
