// Detaching: the ways to do it, and who keeps it from being done.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/read_text.h"
#include "kernel/testing/mount_namespace.h"
#include "scenario/scenario.h"
#include "support/opener.h"

namespace veneer::scenario {
namespace {

using support::Child;
using support::Opener;
using support::Outcome;
using ::testing::HasSubstr;

constexpr std::chrono::minutes kPatience{1};

class DetachTest : public ScenarioTest {
 protected:
  // It is refused, names the holder, and everything works as before.
  void ExpectBusy(const Attached& disk, const std::string& holder) const {
    const Outcome refused = Veneer({"cow", "detach", disk.path, "--json"});
    EXPECT_EQ(refused.status, 4);
    EXPECT_THAT(ComplaintOf(refused).message, HasSubstr(holder));
    EXPECT_EQ(support::ReadHead(disk.target(), 2), "oo");
    EXPECT_EQ(Loops().size(), disk.device.empty() ? 0U : 1U);
    EXPECT_EQ(Servers().size(), 1U);
  }
};

TEST_F(DetachTest, AnOpenFileIsNamedWithItsHolder) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"));
  {
    const Opener opener(disk.path);
    ExpectBusy(disk, opener.Name());
  }
  Detach(disk.path);
}

TEST_F(DetachTest, AnOpenDeviceIsNamedWithItsHolder) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"), {"--block"});
  {
    const Opener opener(disk.device);
    ExpectBusy(disk, disk.device + " is " + opener.Name());
  }
  {
    const Opener opener(disk.path);
    ExpectBusy(disk, disk.path + " is " + opener.Name());
  }
  Detach(disk.device);
}

TEST_F(DetachTest, AMountedDeviceIsNamedWithItsMountPoint) {
  MakeDisk(16);
  const Attached disk = Attach(Path("disk"), {"--block"});
  MustRun({"mkfs.ext4", "-q", "-F", disk.device});
  std::filesystem::create_directory(Path("mnt"));
  MustRun({"mount", disk.device, Path("mnt")});
  const Outcome refused = Veneer({"cow", "detach", disk.device, "--json"});
  EXPECT_EQ(refused.status, 4);
  EXPECT_THAT(ComplaintOf(refused).message, HasSubstr("mounted at " + Path("mnt")));
  support::WriteFile(Path("mnt/still"), "works");
  MustRun({"umount", Path("mnt")});
  Detach(disk.device);
}

TEST_F(DetachTest, ALoopDeviceOfSomebodyElseIsNamed) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"));
  const std::string device = MustRun({"losetup", "--show", "--find", disk.path});
  const Outcome refused = Veneer({"cow", "detach", disk.path, "--json"});
  EXPECT_EQ(refused.status, 4);
  const std::string name = device.substr(0, device.find('\n'));
  EXPECT_THAT(ComplaintOf(refused).message, HasSubstr("behind " + name));
  MustRun({"losetup", "--detach", name});
  Detach(disk.path);
}

TEST_F(DetachTest, ACopyOfTheMountInAnotherNamespaceDoesNotKeepIt) {
  if (!testing::HostHasPrivateMounts()) GTEST_SKIP() << testing::kNoPrivateMounts;
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"), {"--block"});
  // In a chroot "/" is no mount point and keeps its propagation.
  Child other({"unshare", "--mount", "--propagation", "unchanged", "sh", "-c",
               "mount --make-rprivate / 2>/dev/null; echo inside && exec sleep 600"});
  ASSERT_TRUE(other.WaitForOutput("inside", kPatience));
  Detach(disk.path);
  EXPECT_EQ(Servers(), std::vector<pid_t>{});
}

// Its copy of the mount would not keep ours from being unmounted.
TEST_F(DetachTest, WhoHasItOpenInAnotherNamespaceIsNamedAndGoesOn) {
  if (!testing::HostHasPrivateMounts()) GTEST_SKIP() << testing::kNoPrivateMounts;
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"));
  const std::string reads_once_told = R"(
    mount --make-rprivate / 2>/dev/null
    exec 3<"$0"
    echo inside
    until [ -e "$1" ]; do sleep 0.1; done
    dd bs=4096 count=1 status=none <&3 >/dev/null && echo reads
    exec sleep 600)";
  Child other({"unshare", "--mount", "--propagation", "unchanged", "sh", "-c", reads_once_told,
               disk.path, Path("go")});
  ASSERT_TRUE(other.WaitForOutput("inside", kPatience));
  const Outcome refused = Veneer({"cow", "detach", disk.path, "--json"});
  EXPECT_EQ(refused.status, 4);
  const std::string holder = "held by pid " + std::to_string(other.pid()) + " (sh)";
  EXPECT_THAT(ComplaintOf(refused).message, HasSubstr(holder));
  support::WriteFile(Path("go"), "");
  EXPECT_TRUE(other.WaitForOutput("reads", kPatience));
  other.Signal(SIGKILL);
  Detach(disk.path);
  EXPECT_EQ(Servers(), std::vector<pid_t>{});
}

TEST_F(DetachTest, WhereNothingIsAttachedThereIsNothingToDetach) {
  support::WriteFile(Path("file"), "");
  for (const std::string& path : {Path("file"), Path("missing"), std::string("/dev/loop-control"),
                                  std::string("/dev/loop99999")}) {
    EXPECT_EQ(Veneer({"cow", "detach", path}).status, 3) << path;
  }
}

TEST_F(DetachTest, SigtermDetaches) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"), {"--block"});
  MustRun({"dd", "if=/dev/urandom", "of=" + disk.device, "bs=64K", "count=2"});
  const std::string written = support::Sha256(disk.device);
  const pid_t server = ServerOf(disk.path);
  ASSERT_TRUE(support::Signal(server, SIGTERM));
  EXPECT_TRUE(WaitForEnd(server));
  EXPECT_EQ(Mounts(), std::vector<std::string>{});
  EXPECT_FALSE(std::filesystem::exists(disk.path));
  ExpectStoreIsSound();
  Attach(Path("disk"));
  EXPECT_EQ(support::Sha256(Path("disk")), written);
  Detach(Path("disk"));
}

TEST_F(DetachTest, SigtermWhileTheDiskIsInUseIsLoggedAndItStays) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"), {"--block"});
  const std::string log = run_ + "/disks/";
  {
    const Opener opener(disk.device);
    ASSERT_TRUE(support::Signal(ServerOf(disk.path), SIGTERM));
    const auto logged = [&] {
      for (const auto& entry : std::filesystem::directory_iterator(log)) {
        if (entry.path().extension() == ".log" &&
            support::ReadFile(entry.path()).contains(opener.Name())) {
          return true;
        }
      }
      return false;
    };
    EXPECT_TRUE(support::Eventually(logged, kPatience));
    EXPECT_EQ(support::ReadHead(disk.device, 2), "oo");
  }
  Detach(disk.path);
}

TEST_F(DetachTest, UnmountingByHandEndsTheServerWithEverythingFlushed) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"));
  MustRun({"dd", "if=/dev/urandom", "of=" + disk.path, "bs=64K", "count=2", "conv=notrunc"});
  const std::string written = support::Sha256(disk.path);
  const pid_t server = ServerOf(disk.path);
  MustRun({"umount", disk.path});
  EXPECT_TRUE(WaitForEnd(server));
  EXPECT_FALSE(std::filesystem::exists(disk.path));
  EXPECT_EQ(RunFiles(), std::vector<std::string>{});
  ExpectStoreIsSound();
  Attach(Path("disk"), {"--read-only"});
  EXPECT_EQ(support::Sha256(Path("disk")), written);
  Detach(Path("disk"));
}

}  // namespace
}  // namespace veneer::scenario
