#include "kernel/linux/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

struct Heard {
  ChildEnd end;
  std::string out;
};

Heard RunShell(const std::string& script, ChildProgram program = {}) {
  Heard heard;
  program.argv = {"sh", "-c", script};
  program.output = [&](std::string_view text) -> Result<void> {
    heard.out += text;
    return {};
  };
  heard.end = RunChild(program).value();
  return heard;
}

TEST(ChildProcessTest, GivesStatusOutputAndErrors) {
  const Heard heard = RunShell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(heard.end.status, 3);
  EXPECT_EQ(heard.out, "out\n");
  EXPECT_EQ(heard.end.errors, "err\n");
  EXPECT_EQ(RunShell("kill -TERM $$").end.status, 128 + SIGTERM);
}

TEST(ChildProcessTest, KeepsTheLastLinesOfALongComplaint) {
  const Heard heard =
      RunShell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done >&2");
  EXPECT_LE(heard.end.errors.size(), 8192U);
  EXPECT_GE(heard.end.errors.size(), 8000U);
  EXPECT_TRUE(heard.end.errors.starts_with("line "));
  EXPECT_TRUE(heard.end.errors.ends_with("line 19999\n"));
}

TEST(ChildProcessTest, HearsAllOfALongOutput) {
  EXPECT_EQ(RunShell("head -c 3000000 /dev/zero").out.size(), 3'000'000U);
}

TEST(ChildProcessTest, AMissingProgramNamesItsPackage) {
  const auto end = RunChild({.argv = {"veneer-no-such-program"}, .package = "some-utils"});
  EXPECT_EQ(end.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(end.error().hint.find("some-utils"), std::string::npos);
}

TEST(ChildProcessTest, WhatCannotBeExecutedIsAnError) {
  const testing::TempDirectory dir;
  std::ofstream(dir / "junk") << "no program";
  std::filesystem::permissions(dir / "junk", std::filesystem::perms::owner_all);
  const char* const before = std::getenv("PATH");
  ASSERT_NE(before, nullptr);
  const std::string path = before;
  ::setenv("PATH", dir.path().c_str(), 1);
  const auto end = RunChild({.argv = {"junk"}, .package = "none"});
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(end.error().os_errno, ENOEXEC);
}

TEST(ChildProcessTest, AnErrorOfTheListenerEndsIt) {
  ChildProgram program{.argv = {"yes"}, .package = "coreutils"};
  program.output = [](std::string_view) -> Result<void> {
    return Fail(ErrorKind::kCorrupt, "enough");
  };
  EXPECT_EQ(RunChild(program).error().what, "enough");
}

TEST(ChildProcessTest, InheritsTheFilesThatItIsGivenAndNoOthers) {
  const testing::TempDirectory dir;
  const auto first = testing::MakeFile(dir / "first", Bytes(0));
  const auto second = testing::MakeFile(dir / "second", Bytes(0));
  const UniqueFd stray(::open("/dev/null", O_RDONLY));  // would be inherited
  std::ofstream(dir / "first") << "1st";
  ASSERT_EQ(::unlink((dir / "first").c_str()), 0);
  const ChildProgram program{.argv = {}, .package = {}, .files = {&first->fd(), &second->fd()}};
  // Asked by the shell itself: every other program has descriptors of its own.
  const Heard heard =
      RunShell("cat " + InheritedPath(0) + " >" + InheritedPath(1) +
                   "; n=0; while [ $n -lt 300 ]; do"
                   " if [ -e /proc/$$/fd/$n ]; then printf '%d ' $n; fi; n=$((n+1)); done",
               program);
  EXPECT_EQ(heard.out, "0 1 2 3 4 ");
  std::string copied;
  std::ifstream(dir / "second") >> copied;
  EXPECT_EQ(copied, "1st");
}

TEST(ChildProcessTest, ReadsItsInput) {
  const testing::TempDirectory dir;
  std::ofstream(dir / "in") << "words";
  const auto in = LinuxFile::Open(dir / "in", Access::kReadOnly).value();
  EXPECT_EQ(RunShell("cat", {.argv = {}, .package = {}, .input = &in->fd()}).out, "words");
  EXPECT_EQ(RunShell("cat").out, "");
}

TEST(ChildProcessTest, HasAnEnvironmentOfItsOwn) {
  ::setenv("TAR_OPTIONS", "--to-command=reboot", 1);
  const Heard heard = RunShell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | cut -d= -f1 | sort");
  ::unsetenv("TAR_OPTIONS");
  EXPECT_EQ(heard.out, "LC_ALL\nPATH\n");
}

TEST(ChildProcessTest, TakesSignalsThatItsStarterDoesNot) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto former = ::signal(SIGPIPE, SIG_IGN);
  const Heard heard = RunShell("kill -PIPE $$; echo survived");
  ::signal(SIGPIPE, former);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(heard.end.status, 128 + SIGPIPE);
  EXPECT_EQ(heard.out, "");
}

TEST(ChildProcessTest, DoesNotWaitForWhatItHasLeftBehind) {
  const Heard heard = RunShell("sleep 1000 & echo $!");
  EXPECT_EQ(heard.end.status, 0);
  EXPECT_EQ(::kill(std::stoi(heard.out), SIGKILL), 0);
}

TEST(ChildProcessTest, TicksWhileItRuns) {
  // It ends when the second tick has come.
  const testing::TempDirectory dir;
  int ticks = 0;
  ChildProgram program{.argv = {}, .package = {}};
  program.tick = [&] {
    if (++ticks == 2) std::ofstream(dir / "done") << "now";
  };
  const Heard heard = RunShell("until [ -e " + dir / "done" + " ]; do sleep 0.01; done", program);
  EXPECT_EQ(heard.end.status, 0);
  EXPECT_GE(ticks, 2);
}

TEST(ChildProcessTest, DiesWithItsStarter) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read(ends[0]);
  const UniqueFd write(ends[1]);
  const pid_t starter = ::fork();
  ASSERT_GE(starter, 0);
  if (starter == 0) {
    ChildProgram program{.argv = {"sh", "-c", "echo $$; exec sleep 1000"}, .package = {}};
    program.output = [&](std::string_view text) -> Result<void> {
      [[maybe_unused]] const ssize_t n = ::write(write.get(), text.data(), text.size());
      return {};
    };
    RunChild(program).Ignore("it does not get here");
    ::_exit(1);
  }
  std::array<char, 32> text{};
  ASSERT_GT(::read(read.get(), text.data(), text.size() - 1), 0);
  const UniqueFd program(static_cast<int>(::syscall(SYS_pidfd_open, std::atoi(text.data()), 0)));
  ASSERT_TRUE(program.valid());
  ASSERT_EQ(::kill(starter, SIGKILL), 0);
  ASSERT_EQ(::waitpid(starter, nullptr, 0), starter);
  pollfd polled{program.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 60'000), 1);
}

}  // namespace
}  // namespace veneer
