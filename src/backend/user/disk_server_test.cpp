// What scenarios cannot arrange: failures in the middle of a detach.
#include "backend/user/disk_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "cow/create.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/testing/loop_host.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

// The host's mounts, of which none can be unmounted while `busy`.
class StubbornMounts final : public Mounts {
 public:
  [[nodiscard]] Result<std::vector<MountEntry>> List() const override { return mounts_.List(); }
  [[nodiscard]] Result<std::optional<MountEntry>> At(const std::string& path) const override {
    return mounts_.At(path);
  }
  Result<void> Unmount(const std::string& path, UnmountMode mode) override {
    if (busy && mode == UnmountMode::kNormal) return FailErrno(EBUSY, "unmount " + path);
    return mounts_.Unmount(path, mode);
  }
  bool busy = false;

 private:
  LinuxMounts mounts_;
};

class DiskServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::HostHasLoops() || ::access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs root, FUSE and loop devices";
    }
    isolated_ = IsolatedThread::Start().value();
    testing::MakeFile(request_.origin, MiB(4));
    ASSERT_TRUE(
        CreateStore(request_.store, {.chunk_size = {}, .origin_size = MiB(4), .max_change = {}}));
  }
  std::unique_ptr<DiskServer> Start() {
    return DiskServer::Start(request_, *isolated_,
                             {.mounts = mounts_, .loops = loops_, .holders = holders_})
        .value();
  }
  bool DeviceWorks(const std::string& path) {
    return isolated_->Run([&] {
      const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
      return fd.valid() && ::pwrite(fd.get(), "veneer", 6, 0) == 6 && ::fsync(fd.get()) == 0;
    });
  }

  testing::TempDirectory directory_;
  AttachRequest request_{.store = directory_ / "store",
                         .origin = directory_ / "origin",
                         .at = directory_ / "disk",
                         .run_dir = directory_ / "run",
                         .access = DiskAccess::kReadWrite,
                         .exposure = Exposure::kBlockDevice};
  StubbornMounts mounts_;
  LinuxLoopControl loops_;
  LinuxHolders holders_{loops_};
  std::unique_ptr<IsolatedThread> isolated_;
};

TEST_F(DiskServerTest, ALoopDeviceComesBackWhereTheUnmountIsRefused) {
  const auto server = Start();
  const std::string device = server->attachment().device.value();
  mounts_.busy = true;
  EXPECT_EQ(server->Detach().error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(server->attached());
  EXPECT_EQ(server->attachment().device, device);
  EXPECT_TRUE(DeviceWorks(device));
  mounts_.busy = false;
  EXPECT_TRUE(server->Detach());
  EXPECT_FALSE(server->attached());
}

TEST_F(DiskServerTest, AServerThatIsDroppedTakesEverythingAway) {
  auto server = Start();
  const std::string device = server->attachment().device.value();
  EXPECT_TRUE(DeviceWorks(device));
  server.reset();
  EXPECT_EQ(loops_.BackingFile(device).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(request_.at));
  EXPECT_TRUE(std::filesystem::is_empty(request_.run_dir + "/disks"));
}

TEST_F(DiskServerTest, ACloneNobodyWaitsForIsNotThere) {
  const auto server = Start();
  const std::string clone = directory_ / "clone";
  EXPECT_FALSE(server->disk().CloneStore(clone, [] { return false; }));
  EXPECT_FALSE(std::filesystem::exists(clone));
  EXPECT_TRUE(DeviceWorks(server->attachment().device.value()));
  EXPECT_TRUE(server->disk().CloneStore(clone, [] { return true; }));
  EXPECT_TRUE(std::filesystem::exists(clone));
  EXPECT_TRUE(server->Detach());
}

}  // namespace
}  // namespace veneer
