// The backends that need nothing but this host's own kernel.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include "backend/user/control_socket.h"
#include "backend/user/disk_place.h"
#include "backend/user/messages.h"
#include "backend/user/record_file.h"
#include "base/unique_fd.h"
#include "conformance/backend_suite.h"
#include "kernel/linux/wait_until.h"
#include "kernel/testing/loop_host.h"
#include "support/expect.h"
#include "support/process.h"

namespace veneer::conformance {
namespace {

using support::Succeeds;

constexpr std::chrono::minutes kLong{1};
const std::vector<Bytes> kChunkSizes{KiB(4), KiB(8), KiB(64), MiB(1)};

INSTANTIATE_TEST_SUITE_P(Fake, BackendTest, ::testing::ValuesIn(WithChunks(FakeWay(), {KiB(4)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(User, BackendTest, ::testing::ValuesIn(WithChunks(UserWay(), kChunkSizes)),
                         NameOfSetting);

INSTANTIATE_TEST_SUITE_P(Nbd, BackendTest,
                         ::testing::ValuesIn(WithChunks(NbdWay(), {KiB(4), MiB(1)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(Nbd, LiveBackendTest,
                         ::testing::ValuesIn(WithChunks(NbdWay(), {KiB(4), MiB(1)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(User, LiveBackendTest,
                         ::testing::ValuesIn(WithChunks(UserWay(), kChunkSizes)), NameOfSetting);

// What only a server can go through.
class UserBackendTest : public BackendTest {
 protected:
  [[nodiscard]] DiskFiles FilesOf(const AttachedDisk& disk) const {
    return FilesOfDisk(dir_ / "host/run", disk.path);
  }
  void SignalServerOf(const AttachedDisk& disk, int signal) {
    const auto filed = ReadRecord(FilesOf(disk)).value();
    ASSERT_TRUE(filed);
    ASSERT_TRUE(support::Signal(filed->record.pid, signal));
  }
  void KillServerOf(const AttachedDisk& disk) {
    SignalServerOf(disk, SIGKILL);
    // No child of this process: its end shows in what is mounted, and in its record.
    EXPECT_TRUE(WaitUntil(kLong, [&] {
      const UniqueFd fd(::open(disk.path.c_str(), O_RDONLY | O_CLOEXEC));
      const bool answers_no_more = !fd.valid() && errno == ENOTCONN;
      return answers_no_more && !ReadRecord(FilesOf(disk)).value()->held;
    }));
  }
};

INSTANTIATE_TEST_SUITE_P(User, UserBackendTest,
                         ::testing::ValuesIn(WithChunks(UserWay(), {KiB(4)})), NameOfSetting);

TEST_P(UserBackendTest, ADiskWhoseServerDiedIsNoneThatIsAttached) {
  MakeDisk(MiB(1));
  const AttachedDisk dead = Attach("dead");
  store_ = dir_ / "other";
  MakeStore(store_, Bytes(0), Bytes(0));
  const AttachedDisk alive = Attach("alive");
  KillServerOf(dead);
  EXPECT_THAT(Listed(), ::testing::ElementsAre(alive.path));
  ExpectNotCloned(dead.path, clone_, ErrorKind::kFailed);
  EXPECT_FALSE(std::filesystem::exists(clone_));
  Detach(alive);
}

TEST_P(UserBackendTest, AServerHoldsItsRecordAsLongAsItLives) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  EXPECT_TRUE(ReadRecord(FilesOf(disk)).value()->held);
  EXPECT_EQ(backend_->IsAttached(disk.path), true);
  KillServerOf(disk);
  EXPECT_EQ(backend_->IsAttached(disk.path), false);
  Detach(disk);
}

// FUSE is not told of such an open: the unmount is refused.
TEST_P(UserBackendTest, WhoHasThePathOfADiskIsNamedAndTheDiskStays) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  {
    const UniqueFd path(::open(disk.path.c_str(), O_PATH | O_CLOEXEC));
    ASSERT_TRUE(path.valid());
    const auto refused = backend_->Detach(disk.path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(refused.error().what, ::testing::HasSubstr(fmt::format("pid {} ", ::getpid())));
    EXPECT_EQ(backend_->IsAttached(disk.path), true);
    Write(disk, 0, "unharmed");
    EXPECT_EQ(Read(disk, 0, 8), "unharmed");
  }
  Detach(disk);
}

TEST_P(UserBackendTest, WhereTheCallerIsGoneThereIsNoClone) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  SignalServerOf(disk, SIGSTOP);  // until nobody waits for it any more
  {
    const auto server = ConnectTo(FilesOf(disk).Socket());
    ASSERT_TRUE(Succeeds(server));
    const std::string request = EncodeRequest({.op = ControlOp::kClone, .clone = clone_});
    ASSERT_TRUE(Succeeds(SendLine(server->fd, request, kLong)));
  }
  SignalServerOf(disk, SIGCONT);
  ASSERT_TRUE(Succeeds(backend_->Fill(disk.path)));  // answered after that
  EXPECT_FALSE(std::filesystem::exists(clone_));
  ASSERT_TRUE(Succeeds(backend_->CloneStore(disk.path, clone_)));
  Detach(disk);
}

TEST_P(UserBackendTest, APathThatNoMessageCarriesIsRefused) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  ExpectNotCloned(disk.path, clone_ + "\xff", ErrorKind::kUsage);
  ExpectNotCloned(disk.path, clone_ + std::string(5000, 'x'), ErrorKind::kUsage);
  Detach(disk);
}

TEST_P(UserBackendTest, ACloneOnTheDiskItselfIsRefused) {
  if (!testing::HostHasLoops()) GTEST_SKIP() << "needs root and loop devices";
  MakeDisk(MiB(32));
  DiskRequest request = Request();
  request.exposure = Exposure::kBlockDevice;
  const AttachedDisk disk = Attach(request);
  const std::string mount = dir_ / "mount";
  std::filesystem::create_directory(mount);
  ASSERT_EQ(support::Run({"mkfs.ext4", "-qF", *disk.device}).status, 0);
  ASSERT_EQ(support::Run({"mount", *disk.device, mount}).status, 0);
  ExpectNotCloned(disk.path, mount + "/clone", ErrorKind::kUsage);
  EXPECT_TRUE(Succeeds(backend_->CloneStore(disk.path, clone_)));
  EXPECT_EQ(support::Run({"umount", mount}).status, 0);
  Detach(disk);
}

}  // namespace
}  // namespace veneer::conformance
