// The backends that need nothing but this host's own kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "backend/user/disk_place.h"
#include "backend/user/messages.h"
#include "base/unique_fd.h"
#include "conformance/backend_suite.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"
#include "support/expect.h"

namespace veneer::conformance {
namespace {

const std::vector<Bytes> kChunkSizes{KiB(4), KiB(8), KiB(64), MiB(1)};

INSTANTIATE_TEST_SUITE_P(Fake, BackendTest, ::testing::ValuesIn(WithChunks(FakeWay(), {KiB(4)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(User, BackendTest, ::testing::ValuesIn(WithChunks(UserWay(), kChunkSizes)),
                         NameOfSetting);

INSTANTIATE_TEST_SUITE_P(User, LiveBackendTest,
                         ::testing::ValuesIn(WithChunks(UserWay(), kChunkSizes)), NameOfSetting);

// One that is killed: no other way has it.
class UserBackendTest : public BackendTest {
 protected:
  void KillServerOf(const AttachedDisk& disk) {
    const auto text = ReadText(FilesOfDisk(dir_ / "host/run", disk.path).Record());
    ASSERT_TRUE(support::Succeeds(text));
    const auto record = DecodeRecord(*text);
    ASSERT_TRUE(support::Succeeds(record));
    ASSERT_EQ(::kill(record->pid, SIGKILL), 0);
    // No child of this process: its end shows in what is mounted.
    EXPECT_TRUE(WaitUntil(std::chrono::minutes(1), [&] {
      const UniqueFd fd(::open(disk.path.c_str(), O_RDONLY | O_CLOEXEC));
      return !fd.valid() && errno == ENOTCONN;
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

}  // namespace
}  // namespace veneer::conformance
