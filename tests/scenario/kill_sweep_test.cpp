// Kills a command at its n-th system call, for one n after the other until it gets through: a cut
// at every step of what has several steps.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

using support::Outcome;
using Arguments = std::vector<std::string>;

constexpr std::chrono::minutes kPatience{2};
constexpr unsigned kNever = 100'000;
constexpr int kKilled = 128 + 9;

// `program` under strace, which kills every thread of it at its n-th system call.
Arguments Killed(unsigned n, const Arguments& program) {
  Arguments argv{"strace", "-f", "-qq", "-o", "/dev/null", "-e"};
  argv.push_back(fmt::format("inject=all:signal=KILL:when={}", n));
  argv.insert(argv.end(), program.begin(), program.end());
  return argv;
}

// The leak check of the address sanitizer cannot run under a tracer.
support::RunOptions UnderTracer() {
  return {.timeout = kPatience, .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}};
}

class KillSweepTest : public ScenarioTest {
 protected:
  // Calls `look` after each cut. Returns how many cuts there were before the command got through.
  template <class Look>
  unsigned CutEverywhere(const Arguments& arguments, const Look& look) {
    Arguments program{support::Program()};
    program.insert(program.end(), arguments.begin(), arguments.end());
    for (unsigned n = 1; n < kNever; ++n) {
      const Outcome outcome = support::Run(Killed(n, program), UnderTracer());
      if (outcome.status == 0) return n - 1;
      EXPECT_EQ(outcome.status, kKilled) << outcome.err;
      look(n);
      if (HasFailure()) break;
    }
    return 0;
  }

  // Names in the directory but for what the test made itself.
  [[nodiscard]] Arguments Strangers(const Arguments& known) const {
    Arguments names = dir_.List();
    std::erase_if(names, [&](const std::string& name) { return std::ranges::count(known, name); });
    return names;
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
  const unsigned cuts =
      CutEverywhere({"cow", "create", Path("new.cow"), "--origin", origin_}, [&](unsigned n) {
        if (std::filesystem::exists(Path("new.cow"))) {
          Ok({"cow", "check", Path("new.cow"), "--origin", origin_});
          std::filesystem::remove(Path("new.cow"));
        }
        EXPECT_EQ(Strangers({"origin.img", "disk.cow"}), Arguments{}) << "cut " << n;
      });
  EXPECT_GT(cuts, 20U);
}

TEST_F(KillSweepTest, AFlattenedImageIsWholeOrNotThere) {
  MakeDisk(1);
  WriteSomething();
  Ok({"cow", "flatten", store_, "--origin", origin_, "--output", Path("expected")});
  const std::string whole = support::Sha256(Path("expected"));
  const unsigned cuts = CutEverywhere(
      {"cow", "flatten", store_, "--origin", origin_, "--output", Path("out")}, [&](unsigned n) {
        if (std::filesystem::exists(Path("out"))) {
          EXPECT_EQ(support::Sha256(Path("out")), whole) << "cut " << n;
          std::filesystem::remove(Path("out"));
        }
        EXPECT_EQ(Strangers({"origin.img", "disk.cow", "expected", "run"}), Arguments{})
            << "cut " << n;
      });
  EXPECT_GT(cuts, 20U);
}

TEST_F(KillSweepTest, AReplacedImageIsTheOldOneOrTheNewOne) {
  MakeDisk(1);
  WriteSomething();
  Ok({"cow", "flatten", store_, "--origin", origin_, "--output", Path("expected")});
  const std::string whole = support::Sha256(Path("expected"));
  support::WriteFile(Path("out"), "old");
  const std::string old = support::Sha256(Path("out"));
  const unsigned cuts = CutEverywhere(
      {"cow", "flatten", store_, "--origin", origin_, "--output", Path("out"), "--force"},
      [&](unsigned n) {
        const std::string now = support::Sha256(Path("out"));
        EXPECT_TRUE(now == old || now == whole) << "cut " << n;
        // The next run takes over what a cut between two names left.
        EXPECT_EQ(
            Strangers({"origin.img", "disk.cow", "expected", "out", "run", ".out.veneer-new"}),
            Arguments{});
      });
  EXPECT_GT(cuts, 20U);
  EXPECT_EQ(support::Sha256(Path("out")), whole);
  EXPECT_FALSE(std::filesystem::exists(Path(".out.veneer-new")));
}

TEST_F(KillSweepTest, WhatAKilledServerLeavesIsTakenAwayByTheNext) {
  MakeDisk(2);
  unsigned cuts = 0;
  int status = kKilled;
  // Finely at first, where the steps are; each thread counts its own calls.
  for (unsigned n = 1; n < kNever && status != 0; n += 1 + n / 10, ++cuts) {
    support::Child server(
        Killed(n, {support::Program(), "cow", "serve", store_, "--origin", origin_, "--at",
                   Path("disk"), "--run", run_, "--ready-fd", "1", "--block"}),
        UnderTracer());
    // Ready, or dead; then the steps of a detach.
    if (server.WaitForOutput("\"path\"", kPatience)) {
      for (const pid_t process : Servers()) ::kill(process, SIGTERM);
    }
    status = server.Wait(kPatience).status;
    ASSERT_TRUE(status == 0 || status == kKilled) << "cut " << n << ": status " << status;
    const Attached disk = Attach(Path("disk"), {"--block"});
    Detach(disk.device);
    ExpectStoreIsSound();
    ExpectNothingIsLeft();
    ASSERT_FALSE(HasFailure()) << "cut " << n;
  }
  EXPECT_GT(cuts, 20U);
}

}  // namespace
}  // namespace veneer::scenario
