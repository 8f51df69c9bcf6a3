// State directories on file systems that will not do, and on one that is too small.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <filesystem>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using support::Outcome;
using ::testing::HasSubstr;

class FileSystemsTest : public SandboxesTest {
 protected:
  void TearDown() override {
    ::umount2(there_.c_str(), MNT_DETACH);
    SandboxesTest::TearDown();
  }

  // `veneer ARGUMENTS` with a state directory on the other file system.
  [[nodiscard]] std::vector<std::string> There(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command{support::Program(), "--root", Root(), "--run", run_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }
  [[nodiscard]] std::string Root() const { return there_ + "/root"; }

  const std::string there_ = Path("there");
};

TEST_F(FileSystemsTest, OneWithoutSparseFilesIsRefused) {
  support::MakeZeros(Path("fat"), std::size_t{64} << 20U);
  const Outcome made = support::Run({"busybox", "mkdosfs", Path("fat")});
  ASSERT_EQ(made.status, 0) << made.err;
  fs::create_directory(there_);
  const Outcome mounted = support::Run({"mount", "-t", "vfat", "-o", "loop", Path("fat"), there_});
  if (mounted.status != 0) GTEST_SKIP() << "this kernel mounts no vfat: " << mounted.err;
  const Outcome outcome = support::Run(There({"template", "import", "t", Path("base.img")}));
  EXPECT_EQ(outcome.status, 7) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("no sparse files"));
  EXPECT_THAT(outcome.err, HasSubstr("ext4, XFS or btrfs"));
  EXPECT_FALSE(fs::exists(Root() + "/catalog.db"));
}

TEST_F(FileSystemsTest, OneWithoutLocksIsRefused) {
  fs::create_directory(there_);
  std::vector<std::string> command{"strace",    "-f", "-o",
                                   "/dev/null", "-e", "inject=flock:error=EOPNOTSUPP"};
  for (const std::string& word : There({"template", "import", "t", Path("base.img")})) {
    command.push_back(word);
  }
  const Outcome outcome =
      support::Run(command, {.environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}});
  EXPECT_EQ(outcome.status, 7) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("no file locks"));
  EXPECT_FALSE(fs::exists(Root() + "/catalog.db"));
}

TEST_F(FileSystemsTest, AnImageLargerThanItIsNoSpaceAndLeavesNothing) {
  fs::create_directory(there_);
  if (::mount("tmpfs", there_.c_str(), "tmpfs", 0, "size=8m") != 0) {
    GTEST_SKIP() << "mounting a tmpfs needs root";
  }
  support::WriteFile(Path("large.img"), std::string(std::size_t{16} << 20U, 'x'));
  const Outcome outcome =
      support::Run(There({"template", "import", "t", Path("large.img"), "--reserve", "64K"}));
  EXPECT_EQ(outcome.status, 5) << outcome.err;
  EXPECT_TRUE(fs::is_empty(Root() + "/templates"));
  EXPECT_EQ(support::Run(There({"template", "ls", "--json"})).out, "[]\n");
  // What is small enough goes in all the same.
  EXPECT_EQ(
      support::Run(There({"template", "import", "t", Path("base.img"), "--reserve", "64K"})).status,
      0);
}

}  // namespace
}  // namespace veneer::lifecycle
