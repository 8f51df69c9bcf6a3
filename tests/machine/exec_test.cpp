// Commands in a machine, from outside.
#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <vector>

#include "machine/machines.h"

namespace veneer::lifecycle {
namespace {

using support::Outcome;
using ::testing::HasSubstr;

class ExecTest : public MachinesTest {
 protected:
  void SetUp() override {
    MachinesTest::SetUp();
    Boot("one");
  }
};

TEST_F(ExecTest, ArgumentsArriveAsTheyAre) {
  const Outcome outcome =
      Exec("one", {"printf", "%s|", "a  b", "$HOME 'x' \"y\"", "grüß", "", "*", "-n"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "a  b|$HOME 'x' \"y\"|grüß||*|-n|");
}

TEST_F(ExecTest, NothingNeedStandBetweenTheSandboxAndTheCommand) {
  const Outcome outcome =
      Veneer({"exec", "one", "--cwd", "/usr", "printf", "%s|", "--", "--json", "-la"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "--|--json|-la|");
}

TEST_F(ExecTest, ARunWhoseReaderGoesLeavesNoSandbox) {
  const Outcome outcome =
      support::Run({"bash", "-c", "set -o pipefail; \"$@\" | head -c 1", "bash", support::Program(),
                    "--root", root_, "--run", run_, "run", "ready", "--", "yes"});
  EXPECT_EQ(outcome.out, "y");
  EXPECT_EQ(outcome.status, 141) << outcome.err;
  EXPECT_EQ(Ok({"ls"}).size(), 1U) << "the one of this test";
}

TEST_F(ExecTest, OutputErrorsAndStatusAreItsOwn) {
  const Outcome outcome = Exec("one", {"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(Exec("one", {"sh", "-c", "kill -SEGV $$"}).status, 139);
}

TEST_F(ExecTest, EnvironmentDirectoryAndUserAreAsAskedFor) {
  const Outcome outcome = Exec("one", {"sh", "-c", "echo $A-$(pwd)-$(id -un)-$HOME"},
                               {"--env", "A=b c", "--cwd", "/usr", "--user", "nobody"});
  EXPECT_EQ(outcome.out, "b c-/usr-nobody-/nonexistent\n") << outcome.err;
}

TEST_F(ExecTest, WhatCannotBeStartedSaysWhy) {
  const Outcome program = Exec("one", {"/no/such/program"});
  EXPECT_EQ(program.status, 3);
  EXPECT_THAT(program.err, HasSubstr("/no/such/program"));
  EXPECT_EQ(Exec("one", {"true"}, {"--user", "mallory"}).status, 3);
  EXPECT_EQ(Exec("one", {"true"}, {"--cwd", "/none"}).status, 3);
}

TEST_F(ExecTest, TenMegabytesOfAnyBytesComeBackAsTheyWere) {
  const std::string sum =
      Said("one", "head -c 10485760 /dev/urandom >/tmp/bytes && sha256sum </tmp/bytes");
  const Outcome outcome = Exec("one", {"cat", "/tmp/bytes"});
  ASSERT_EQ(outcome.out.size(), 10'485'760U) << outcome.err;
  support::WriteFile(Path("bytes"), outcome.out);
  EXPECT_EQ(support::Sha256(Path("bytes")), sum.substr(0, 64));
}

TEST_F(ExecTest, ItsInputIsPassedOnToItsEnd) {
  support::WriteFile(Path("input"), std::string(1'000'000, 'x') + "end");
  const Outcome outcome = support::Run(
      {"sh", "-c",
       "\"$0\" --root \"$1\" --run \"$2\" exec one -i -- sh -c 'wc -c; echo done' <\"$3\"",
       support::Program(), root_, run_, Path("input")});
  EXPECT_EQ(outcome.out, "1000003\ndone\n") << outcome.err;
}

TEST_F(ExecTest, OneThatTakesTooLongIsKilledWithItsChildren) {
  const Outcome outcome =
      Exec("one", {"sh", "-c", "echo begun; sleep 1000 & sleep 1000"}, {"--timeout", "2"});
  EXPECT_EQ(outcome.status, 124) << outcome.err;
  EXPECT_EQ(outcome.out, "begun\n");
  EXPECT_EQ(Said("one", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'slee[p] 1000' | wc -l"),
            "0\n");
}

TEST_F(ExecTest, OutputOverTheLimitIsDroppedWithAMark) {
  const Outcome outcome =
      Exec("one", {"sh", "-c", "yes | head -c 200000; exit 3"}, {"--output-limit", "1K"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.out.size(), 1024U);
  EXPECT_THAT(outcome.err, HasSubstr("dropped"));
}

TEST_F(ExecTest, ManyRunAtOnceAndDoNotMixUp) {
  constexpr unsigned kMany = 12;
  std::vector<std::string> said(kMany);
  std::vector<std::thread> threads;
  for (unsigned n = 0; n < kMany; ++n) {
    threads.emplace_back([&, n] {
      const std::string number = std::to_string(n);
      said[n] = Exec("one", {"sh", "-c", "for i in 1 2 3; do echo " + number + "; done"}).out;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (unsigned n = 0; n < kMany; ++n) {
    const std::string line = std::to_string(n) + "\n";
    EXPECT_EQ(said[n], line + line + line);
  }
}

TEST_F(ExecTest, AKilledCallerTakesItsCommandWithIt) {
  {
    support::Child caller(
        Command({"exec", "one", "--", "sh", "-c", "echo begun; exec sleep 2000"}));
    ASSERT_TRUE(caller.WaitForOutput("begun", std::chrono::minutes(1)));
    caller.Signal(SIGKILL);
    caller.Wait(std::chrono::minutes(1));
  }
  EXPECT_TRUE(support::Eventually(
      [&] {
        return Said("one",
                    "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'slee[p] 2000' | wc -l") ==
               "0\n";
      },
      std::chrono::minutes(1)));
}

TEST_F(ExecTest, RunIsAMachineForOneCommand) {
  const Outcome outcome = Veneer({"run", "ready", "--", "sh", "-c", "echo once; exit 9"});
  EXPECT_EQ(outcome.status, 9) << outcome.err;
  EXPECT_EQ(outcome.out, "once\n");
  EXPECT_EQ(Ok({"ls"}).size(), 1U);
}

}  // namespace
}  // namespace veneer::lifecycle
