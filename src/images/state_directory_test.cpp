#include "images/state_directory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using Can = FileSystemAbilities::Can;

TEST(StateDirectoryTest, NamesWhatLacks) {
  EXPECT_TRUE(JudgeStateDirectory({.sparse_files = Can::kYes, .locks = Can::kYes}, "/x"));
  const auto neither = JudgeStateDirectory({}, "/x");
  ASSERT_FALSE(neither);
  EXPECT_EQ(neither.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(neither.error().what, "the file system of /x has no sparse files and file locks");
  const auto no_locks = JudgeStateDirectory({.sparse_files = Can::kYes, .locks = Can::kNo}, "/x");
  ASSERT_FALSE(no_locks);
  EXPECT_EQ(no_locks.error().what, "the file system of /x has no file locks");
}

TEST(StateDirectoryTest, TheFileSystemOfTheTestsWillDoAndKeepsNothing) {
  const testing::TempDirectory dir;
  const auto judged = RequireUsableStateDirectory(dir.path());
  EXPECT_TRUE(judged) << judged.error().what;
  EXPECT_TRUE(dir.List().empty());
}

TEST(StateDirectoryTest, AMissingDirectoryIsNotFound) {
  const testing::TempDirectory dir;
  EXPECT_EQ(RequireUsableStateDirectory(dir / "none").error().kind, ErrorKind::kNotFound);
  std::ofstream(dir / "file") << "x";
  EXPECT_EQ(RequireUsableStateDirectory(dir / "file").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
