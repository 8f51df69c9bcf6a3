#include "kernel/linux/log_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> LinesOf(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

class LogFileTest : public ::testing::Test {
 protected:
  testing::TempDirectory directory_;
  std::string path_ = directory_ / "log";
};

TEST_F(LogFileTest, LinesFollowEachOtherAndTheFileIsItsOwnersAlone) {
  EXPECT_FALSE(fs::exists(path_));
  LogFile(path_).Append("one\n");
  LogFile second(path_);
  EXPECT_THAT(LinesOf(path_), ElementsAre("one"));
  second.Append("two\n");
  EXPECT_THAT(LinesOf(path_), ElementsAre("one", "two"));
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(LogFileTest, AFullFileIsKeptAndTheOneBeforeItIsNot) {
  LogFile log(path_, Bytes(10));
  for (const char* line : {"aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n"}) log.Append(line);
  EXPECT_THAT(LinesOf(path_), ElementsAre("eeee"));
  EXPECT_THAT(LinesOf(path_ + ".1"), ElementsAre("cccc", "dddd"));
  EXPECT_THAT(directory_.List(), ElementsAre("log", "log.1"));
}

TEST_F(LogFileTest, WhoHasTheOldOneOpenGoesOnInTheNewOne) {
  LogFile slow(path_, Bytes(10));
  slow.Append("aaaa\n");
  LogFile quick(path_, Bytes(10));
  quick.Append("bbbb\n");
  quick.Append("cccc\n");
  slow.Append("dddd\n");
  EXPECT_THAT(LinesOf(path_ + ".1"), ElementsAre("aaaa", "bbbb"));
  EXPECT_THAT(LinesOf(path_), ElementsAre("cccc", "dddd"));
}

TEST_F(LogFileTest, SeveralProcessesLoseNoLineAndMixNone) {
  constexpr int kProcesses = 4;
  constexpr int kLines = 500;
  // Room for all of them in the two files, with some renames on the way.
  const std::string text(99, 'x');
  std::vector<pid_t> children;
  for (int n = 0; n < kProcesses; ++n) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      LogFile log(path_, Bytes(std::uint64_t{kProcesses} * kLines * 100 * 2 / 3));
      for (int line = 0; line < kLines; ++line) log.Append(text + "\n");
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::vector<std::string> lines = LinesOf(path_);
  const std::vector<std::string> older = LinesOf(path_ + ".1");
  EXPECT_FALSE(older.empty());
  lines.insert(lines.end(), older.begin(), older.end());
  EXPECT_EQ(lines.size(), std::size_t{kProcesses} * kLines);
  for (const std::string& line : lines) EXPECT_EQ(line, text);
}

TEST_F(LogFileTest, WhatIsNoFileIsLeftAlone) {
  const std::string target = directory_ / "target";
  std::ofstream(target) << "";
  fs::create_symlink(target, path_);
  LogFile(path_).Append("through a link\n");
  EXPECT_THAT(LinesOf(target), IsEmpty());
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  LogFile(path_).Append("into a pipe that nobody reads\n");
  LogFile(directory_ / "missing/log").Append("nowhere\n");
  LogFile(directory_.path()).Append("into a directory\n");
}

}  // namespace
}  // namespace veneer
