// A server that is killed loses nothing that was flushed, and what it leaves behind is removed by
// the next attach or detach.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/unique_fd.h"
#include "scenario/scenario.h"
#include "scenario/stamped_writer.h"

namespace veneer::scenario {
namespace {

using support::Outcome;
using ::testing::HasSubstr;

struct How {
  std::string name;
  std::vector<std::string> attach;
  int open_flags = 0;
};

void PrintTo(const How& how, std::ostream* out) { *out << how.name; }

class KillUnderLoadTest : public ScenarioTest, public ::testing::WithParamInterface<How> {};

TEST_P(KillUnderLoadTest, EverythingThatWasFlushedIsThere) {
  MakeDisk(64);
  std::string target = Attach(Path("disk"), GetParam().attach).target();
  // Beyond the origin's data, so that a block without a stamp is all zeros.
  StampedWriter one(target, GetParam().open_flags, {.first = 256, .count = 3000});
  StampedWriter two(target, GetParam().open_flags, {.first = 4000, .count = 3000});
  for (std::uint32_t round = 1; round <= 2; ++round) {
    EXPECT_TRUE(one.WaitForSyncs(round * 15));
    EXPECT_TRUE(two.WaitForSyncs(round * 15));
  }
  Kill(ServerOf(Path("disk")));
  EXPECT_TRUE(one.WaitForEnd());
  EXPECT_TRUE(two.WaitForEnd());
  ExpectStoreIsSound();
  EXPECT_GT(one.DurableBlocks(), 100U);
  target = Attach(Path("disk"), GetParam().attach).target();
  EXPECT_EQ(one.Verify(target), "");
  EXPECT_EQ(two.Verify(target), "");
  Detach(Path("disk"));
}

INSTANTIATE_TEST_SUITE_P(
    Disks, KillUnderLoadTest,
    ::testing::Values(How{.name = "FileBuffered", .attach = {}, .open_flags = 0},
                      How{.name = "FileDirect", .attach = {}, .open_flags = O_DIRECT},
                      How{.name = "DeviceDirect", .attach = {"--block"}, .open_flags = O_DIRECT}),
    [](const auto& instance) { return instance.param.name; });

class KillTest : public ScenarioTest {};

TEST_F(KillTest, DetachRemovesWhatADeadServerLeft) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"), {"--block"});
  Kill(ServerOf(disk.path));
  Detach(disk.device);
  EXPECT_FALSE(std::filesystem::exists(disk.path));
}

TEST_F(KillTest, ADeadDiskThatIsHeldIsNotTakenAway) {
  MakeDisk(16);
  const Attached disk = Attach(Path("disk"), {"--block"});
  MustRun({"mkfs.ext4", "-q", "-F", disk.device});
  std::filesystem::create_directory(Path("mnt"));
  MustRun({"mount", disk.device, Path("mnt")});
  Kill(ServerOf(disk.path));
  for (const Outcome& refused : {Veneer({"cow", "detach", disk.path, "--json"}),
                                 Veneer(AttachCommand(Path("disk"), {"--block"}))}) {
    EXPECT_EQ(refused.status, 4);
    EXPECT_THAT(ComplaintOf(refused).message, HasSubstr("mounted at " + Path("mnt")));
  }
  MustRun({"umount", Path("mnt")});
  const Attached again = Attach(Path("disk"), {"--block"});
  EXPECT_EQ(Loops().size(), 1U);
  MustRun({"e2fsck", "-fy", again.device});
  Detach(again.path);
}

// Writes to its path would be synced to a file that is about to vanish.
TEST_F(KillTest, WhereADeadDiskWasNothingCanBeWritten) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounts of others than root are on regular files";
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"));
  Kill(ServerOf(disk.path));
  MustRun({"umount", disk.path});
  for (const int flags : {O_RDONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC}) {
    const UniqueFd fd(::open(disk.path.c_str(), flags | O_CLOEXEC, 0600));
    EXPECT_EQ(fd.valid() ? 0 : errno, ENXIO) << flags;
  }
  Detach(Attach(disk.path).path);
  EXPECT_FALSE(std::filesystem::exists(disk.path));
}

TEST_F(KillTest, ADeadDiskThatWasUnmountedByHandIsNoObstacle) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"));
  Kill(ServerOf(disk.path));
  MustRun({"umount", disk.path});
  EXPECT_TRUE(std::filesystem::exists(disk.path));
  Attach(disk.path);
  Detach(disk.path);
  // It knew that the file had been made for the disk.
  EXPECT_FALSE(std::filesystem::exists(disk.path));
}

TEST_F(KillTest, AnotherRunDirectoryCanTakeOver) {
  MakeDisk(4);
  Attach(Path("disk"));
  Kill(ServerOf(Path("disk")));
  const std::string first = run_;
  run_ = Path("other-run");
  Attach(Path("disk"));
  Detach(Path("disk"));
  EXPECT_TRUE(std::filesystem::is_empty(first + "/disks"));
}

TEST_F(KillTest, AServerThatNobodyWaitsForTakesEverythingAway) {
  MakeDisk(4);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);  // inherited
  ::close(ends[0]);
  const Outcome serve = Veneer({"cow", "serve", store_, "--origin", origin_, "--at", Path("disk"),
                                "--block", "--ready-fd", std::to_string(ends[1])});
  ::close(ends[1]);
  EXPECT_EQ(serve.status, 1);
  EXPECT_FALSE(serve.timed_out);
  EXPECT_FALSE(std::filesystem::exists(Path("disk")));
  ExpectStoreIsSound();
}

}  // namespace
}  // namespace veneer::scenario
