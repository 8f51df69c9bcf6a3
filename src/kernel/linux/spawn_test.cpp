#include "kernel/linux/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "kernel/linux/signals_blocked.h"

namespace veneer {
namespace {

std::string ReadAll(const UniqueFd& pipe) {
  std::string all;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = ::read(pipe.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return all;
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

// What a script writes to the pipe before it ends. Its last command may run in the place of the
// shell. (Not for dash, which redirects for others in itself.)
std::string Said(const std::string& script) {
  const UniqueFd pipe = SpawnDetached("/bin/bash", {"bash", "-c", script}, "no shell").value();
  return ReadAll(pipe);
}

TEST(SpawnTest, TheProgramHasNothingOpenButItsPipe) {
  const UniqueFd inherited(::open("/dev/zero", O_RDONLY));  // without O_CLOEXEC
  ASSERT_TRUE(inherited.valid());
  EXPECT_EQ(Said("ls /proc/$$/fd >&3; true"), "0\n1\n2\n3\n");
  EXPECT_EQ(Said("for end in 0 1 2; do readlink /proc/$$/fd/$end >&3; true; done; pwd >&3; true"),
            "/dev/null\n/dev/null\n/dev/null\n/\n");
}

TEST(SpawnTest, TheProgramIsInASessionOfItsOwnWhoseLeaderHasGone) {
  const int session = std::stoi(Said("cut -d' ' -f6 /proc/$$/stat >&3"));
  EXPECT_NE(session, ::getsid(0));
  EXPECT_EQ(::kill(session, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(SpawnTest, NoChildIsLeftToWaitFor) {
  Said("true");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(SpawnTest, SignalsReachTheProgramAndTheirMaskComesBack) {
  const SignalsBlocked blocked;
  EXPECT_EQ(Said("exec grep SigBlk /proc/self/status >&3"), "SigBlk:\t0000000000000000\n");
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_TRUE(::sigismember(&now, SIGUSR1));
}

TEST(SpawnTest, ThePipeMayHaveAnyNumber) {
  // In a process of its own, without input and output: the pipe gets their numbers.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close_range(0, 3, 0);
    const auto pipe =
        SpawnDetached("/bin/bash", {"bash", "-c", "ls /proc/$$/fd >&3; true"}, "no shell");
    ::_exit(pipe && ReadAll(*pipe) == "0\n1\n2\n3\n" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SpawnTest, AProgramThatCannotBeRunLeavesTheComplaint) {
  const UniqueFd pipe = SpawnDetached("/no/such/program", {"program"}, "it is missing").value();
  EXPECT_EQ(ReadAll(pipe), "it is missing\n");
}

}  // namespace
}  // namespace veneer
