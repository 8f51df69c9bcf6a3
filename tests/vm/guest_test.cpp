// What tests in the guest (tests/vm/run) build on: its kernel's abilities and its file systems.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace veneer {
namespace {

using ::testing::IsSupersetOf;
using ::testing::StartsWith;

UniqueFd Open(const std::string& path, int flags) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

// The names of device-mapper's targets, as the kernel lists them.
std::vector<std::string> Targets() {
  const UniqueFd control = Open("/dev/mapper/control", O_RDWR);
  alignas(dm_ioctl) std::array<char, 16384> buffer{};
  auto* request = reinterpret_cast<dm_ioctl*>(buffer.data());
  request->version[0] = DM_VERSION_MAJOR;
  request->data_size = static_cast<__u32>(buffer.size());
  request->data_start = sizeof(dm_ioctl);
  if (::ioctl(control.get(), DM_LIST_VERSIONS, request) != 0) return {};
  std::vector<std::string> names;
  for (std::size_t at = request->data_start;;) {
    dm_target_versions entry{};
    std::memcpy(&entry, &buffer.at(at), sizeof entry);
    names.emplace_back(&buffer.at(at + sizeof entry));
    if (entry.next == 0) return names;
    at += entry.next;
  }
}

// A mount of an XFS that is made on a disk; the destructor takes it away.
class MountedXfs {
 public:
  MountedXfs(const std::string& disk, std::string at) : at_(std::move(at)) {
    outcome_ = support::Run({"mkfs.xfs", "-q", "-f", disk});
    if (outcome_.status != 0) return;
    mounted_ = ::mount(disk.c_str(), at_.c_str(), "xfs", 0, nullptr) == 0;
  }
  MountedXfs(const MountedXfs&) = delete;
  MountedXfs& operator=(const MountedXfs&) = delete;
  ~MountedXfs() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& complaint() const { return outcome_.err; }

 private:
  std::string at_;
  support::Outcome outcome_;
  bool mounted_ = false;
};

TEST(Guest, RunsTheKernelThatWasFetched) {
  utsname name{};
  ASSERT_EQ(::uname(&name), 0);
  EXPECT_THAT(std::string(name.release), StartsWith("6.12."));
}

TEST(Guest, HasTheTargetsOfDeviceMapper) {
  EXPECT_THAT(Targets(), IsSupersetOf({"linear", "zero", "snapshot", "error"}));
}

TEST(Guest, LoadsATargetThatTheKernelAsksFor) {
  const support::Outcome made =
      support::Run({"dmsetup", "create", "slow", "--table", "0 8 delay /dev/vdb 0 1"});
  support::Run({"dmsetup", "remove", "slow"});
  EXPECT_EQ(made.status, 0) << made.err;
}

TEST(Guest, OpensFuse) { EXPECT_TRUE(Open("/dev/fuse", O_RDWR).valid()); }

TEST(Guest, GivesOutLoopDevices) {
  const UniqueFd control = Open("/dev/loop-control", O_RDWR);
  ASSERT_TRUE(control.valid());
  EXPECT_GE(::ioctl(control.get(), LOOP_CTL_GET_FREE), 0) << std::strerror(errno);
}

TEST(Guest, HasNoUdev) { EXPECT_NE(::access("/run/udev/control", F_OK), 0); }

TEST(Guest, KeepsTemporaryFilesWhereReflinksWork) {
  const support::TempDir dir;
  support::WriteFile(dir / "one", std::string(65536, 'x'));
  const UniqueFd from = Open(dir / "one", O_RDONLY);
  const UniqueFd to = Open(dir / "two", O_CREAT | O_RDWR);
  EXPECT_EQ(::ioctl(to.get(), FICLONE, from.get()), 0) << std::strerror(errno);
}

TEST(Guest, HasAnEmptyDiskForAFileSystem) {
  const char* disk = std::getenv("VENEER_VM_DISK");
  ASSERT_NE(disk, nullptr) << "this test runs in a guest: tests/vm/run";
  const support::TempDir dir;
  const MountedXfs xfs(disk, dir.path());
  ASSERT_TRUE(xfs.mounted()) << xfs.complaint();
  support::WriteFile(dir / "file", "here");
  EXPECT_EQ(support::ReadFile(dir / "file"), "here");
}

TEST(Guest, LeavesSignalsAsTheyAre) {
  struct sigaction action{};
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST(Guest, SeesTheFilesOfThisMachineAndKeepsItsOwn) {
  const std::string beside = std::string(VENEER_SOURCE_DIR) + "/written-in-the-guest";
  EXPECT_EQ(::access(VENEER_SOURCE_DIR "/tests/vm/run", X_OK), 0);
  support::WriteFile(beside, "gone with it");
  EXPECT_EQ(support::ReadFile(beside), "gone with it");
}

}  // namespace
}  // namespace veneer
