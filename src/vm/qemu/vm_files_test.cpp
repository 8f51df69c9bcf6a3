#include "vm/qemu/vm_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;

TEST(VmFiles, AMachineSurvivesItsFile) {
  const auto machine = DecodeMachine(
      EncodeMachine({.argv = {"qemu", "a \"b\""}, .acceleration = VmAcceleration::kKvm}));
  ASSERT_TRUE(machine);
  EXPECT_THAT(machine->argv, ElementsAre("qemu", "a \"b\""));
  EXPECT_EQ(machine->acceleration, VmAcceleration::kKvm);
}

TEST(VmFiles, DamagedFilesAreRefused) {
  for (const char* text : {"", "[]", "{\"argv\":[]}", "{\"argv\":[5],\"acceleration\":\"kvm\"}",
                           "{\"argv\":[\"a\"],\"acceleration\":\"magic\"}", "{\"argv\":5}"}) {
    EXPECT_EQ(DecodeMachine(text).error().kind, ErrorKind::kCorrupt) << text;
  }
  for (const char* text : {"", "{}", "{\"pid\":1,\"began\":5}", "{\"pid\":-5,\"began\":5}",
                           "{\"pid\":99999999999,\"began\":5}", "{\"pid\":812,\"began\":-1}"}) {
    EXPECT_EQ(DecodeProcess(text).error().kind, ErrorKind::kCorrupt) << text;
  }
}

TEST(VmFiles, TheBeginningOfAProcessIsFoundBehindAnyName) {
  EXPECT_EQ(BeganIn("8 (a) b (c)) S 1 8 8 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 12345 99").value(),
            12345U);
  EXPECT_FALSE(BeganIn("8 no name"));
  EXPECT_FALSE(BeganIn("8 (a) S 1 2"));
}

TEST(VmFiles, AProcessWithTheSameNumberButAnotherBeginningIsLeftAlone) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const VmProcess process = ProcessNow(child).value();
  EXPECT_TRUE(EndProcess({.pid = child, .began = process.began + 1}));
  EXPECT_EQ(::kill(child, 0), 0);
  EXPECT_TRUE(EndProcess(process));
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(EndProcess(process));
}

TEST(VmFiles, ALockTellsWhetherAnybodyLives) {
  const testing::TempDirectory directory;
  const VmFiles files{.directory = directory / ""};
  EXPECT_EQ(LivelinessOf(files).error().kind, ErrorKind::kNotFound);
  {
    const UniqueFd alive = LockAlive(files).value();
    EXPECT_EQ(LivelinessOf(files).value(), Liveliness::kAlive);
    EXPECT_EQ(LockAlive(files).error().kind, ErrorKind::kConflict);
  }
  EXPECT_EQ(LivelinessOf(files).value(), Liveliness::kDead);
}

}  // namespace
}  // namespace veneer
