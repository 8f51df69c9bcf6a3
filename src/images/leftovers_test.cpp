#include "images/leftovers.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "kernel/linux/new_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<std::string>;

class LeftoversTest : public ::testing::Test {
 protected:
  // Does it in a process that is killed then.
  static void DieAfter(const std::function<void()>& act) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      act();
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  void LeaveScratch() const {
    DieAfter([&] {
      const ScratchDirectory scratch = ScratchDirectory::Make(dir_.path()).value();
      fs::create_directories(scratch.path() + "/tree/deep");
      std::ofstream(scratch.path() + "/tree/deep/file") << "data";
      ::raise(SIGKILL);
    });
  }

  testing::TempDirectory dir_;
};

TEST_F(LeftoversTest, AScratchDirectoryGoesWithAllThatIsInIt) {
  {
    const ScratchDirectory scratch = ScratchDirectory::Make(dir_.path()).value();
    EXPECT_EQ(dir_.List().size(), 1U);
    EXPECT_EQ(fs::status(scratch.path()).permissions(), fs::perms::owner_all);
    std::ofstream(scratch.path() + "/file") << "data";
    fs::create_directory_symlink("/etc", scratch.path() + "/link");
  }
  EXPECT_TRUE(dir_.List().empty());
  EXPECT_TRUE(fs::exists("/etc/passwd"));
}

TEST_F(LeftoversTest, ItsDirectoryMustExist) {
  EXPECT_EQ(ScratchDirectory::Make(dir_ / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(DeadLeftovers(dir_ / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(SweepLeftovers(dir_ / "none").error().kind, ErrorKind::kNotFound);
}

TEST_F(LeftoversTest, WhatLivesIsNotSwept) {
  const ScratchDirectory scratch = ScratchDirectory::Make(dir_.path()).value();
  NewFile file = NewFile::Begin(dir_ / "a", Replace::kNever, NewFile::Naming::kHidden).value();
  EXPECT_EQ(DeadLeftovers(dir_.path()).value(), Paths{});
  EXPECT_EQ(SweepLeftovers(dir_.path()).value(), Paths{});
  EXPECT_TRUE(fs::exists(scratch.path()));
  EXPECT_TRUE(std::move(file).Publish());
}

TEST_F(LeftoversTest, WhatAKilledProcessHasLeftIsSwept) {
  ASSERT_NO_FATAL_FAILURE(LeaveScratch());
  ASSERT_NO_FATAL_FAILURE(DieAfter([&] {
    const auto file = NewFile::Begin(dir_ / "a", Replace::kNever, NewFile::Naming::kHidden);
    ::raise(SIGKILL);  // before its destructor
  }));
  const Paths dead = DeadLeftovers(dir_.path()).value();
  EXPECT_EQ(dead.size(), 2U);
  EXPECT_EQ(dir_.List().size(), 2U);
  EXPECT_EQ(SweepLeftovers(dir_.path()).value(), dead);
  EXPECT_TRUE(dir_.List().empty());
}

TEST_F(LeftoversTest, OthersFilesAreLeftAlone) {
  const ScratchDirectory live = ScratchDirectory::Make(dir_.path()).value();
  const Paths names{".a.veneer-old", ".veneer-scratch-file", "a.veneer-new", "image"};
  for (const std::string& name : names) std::ofstream(dir_ / name) << "mine";
  fs::create_directory(dir_ / ".d.veneer-new");
  fs::create_directory(dir_ / "target");
  fs::create_directory_symlink("target", dir_ / ".veneer-scratch-link");
  const auto before = dir_.List();
  EXPECT_EQ(SweepLeftovers(dir_.path()).value(), Paths{});
  EXPECT_EQ(dir_.List(), before);
}

}  // namespace
}  // namespace veneer
