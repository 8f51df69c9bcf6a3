// What scenarios cannot arrange: failures in the middle of a detach.
#include "backend/user/disk_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

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

// The host's loop devices, of which none can be freed while `stubborn`.
class StubbornLoops final : public LoopControl {
 public:
  StubbornLoops() = default;
  StubbornLoops(const StubbornLoops&) = delete;
  StubbornLoops& operator=(const StubbornLoops&) = delete;
  ~StubbornLoops() override {
    if (!taken_) return;
    EXPECT_TRUE(loops_.Detach(*taken_, OnWriteError::kGoOn));
  }
  Result<LoopDevice> Attach(const std::string& file, const LoopOptions& options) override {
    if (exhausted) return FailErrno(ENODEV, "attach " + file);
    if (options.number && !rival.empty()) taken_ = loops_.Attach(rival, options).value();
    return loops_.Attach(file, options);
  }
  Result<HeldLoop> AttachHeld(const LinuxFile& file, const LoopOptions& options) override {
    return loops_.AttachHeld(file, options);
  }
  Result<HeldLoop> Hold(unsigned number, const FileIdentity& file) override {
    return loops_.Hold(number, file);
  }
  [[nodiscard]] Result<std::vector<LoopDevice>> Find(const FileIdentity& file,
                                                     const std::string& path) const override {
    return loops_.Find(file, path);
  }
  [[nodiscard]] Result<std::string> BackingFile(const std::string& device) const override {
    return loops_.BackingFile(device);
  }
  Result<void> UpdateSize(const LoopDevice& device) override { return loops_.UpdateSize(device); }
  Result<void> Detach(const LoopDevice& device, OnWriteError on_write_error) override {
    if (stubborn) return FailErrno(EBUSY, "free " + device.path);
    return loops_.Detach(device, on_write_error);
  }
  bool stubborn = false;
  bool exhausted = false;  // there is no device left
  std::string rival;       // a file that somebody puts a device on when its number is asked for

 private:
  LinuxLoopControl loops_;
  std::optional<LoopDevice> taken_;
};

class DiskServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::HostHasFuseAndLoops()) GTEST_SKIP() << testing::kNoFuseAndLoops;
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

  // The unmount is refused; yields what is said.
  std::string Refused(DiskServer& server) {
    mounts_.busy = true;
    const Result<void> detached = server.Detach();
    mounts_.busy = false;
    EXPECT_EQ(detached.error().kind, ErrorKind::kConflict);
    EXPECT_TRUE(server.attached());
    return detached.error().what;
  }
  // The device that is told is the disk's. (Another process may take a free number at any time.)
  void ExpectOwnDevice(const DiskServer& server) {
    const std::string device = server.attachment().device.value();
    EXPECT_EQ(loops_.BackingFile(device), request_.at);
    EXPECT_TRUE(DeviceWorks(device));
  }

  testing::TempDirectory directory_;
  AttachRequest request_{.store = directory_ / "store",
                         .origin = directory_ / "origin",
                         .at = directory_ / "disk",
                         .run_dir = directory_ / "run",
                         .access = DiskAccess::kReadWrite,
                         .exposure = Exposure::kBlockDevice};
  StubbornMounts mounts_;
  StubbornLoops loops_;
  LinuxHolders holders_{loops_};
  std::unique_ptr<IsolatedThread> isolated_;
};

TEST_F(DiskServerTest, ALoopDeviceComesBackWhereTheUnmountIsRefused) {
  const auto server = Start();
  Refused(*server);
  ExpectOwnDevice(*server);
  EXPECT_TRUE(server->Detach());
  EXPECT_FALSE(server->attached());
}

TEST_F(DiskServerTest, WhereItsNumberIsTakenMeanwhileTheLoopDeviceIsAnother) {
  const auto server = Start();
  const std::string before = server->attachment().device.value();
  loops_.rival = directory_ / "rival";
  testing::MakeFile(loops_.rival, MiB(1));
  const std::string told = Refused(*server);
  ExpectOwnDevice(*server);
  EXPECT_NE(server->attachment().device, before);
  EXPECT_TRUE(told.contains(server->attachment().device.value() + " now")) << told;
  EXPECT_EQ(loops_.BackingFile(before), loops_.rival);
  EXPECT_TRUE(server->Detach());
}

TEST_F(DiskServerTest, WhereNoLoopDeviceIsLeftTheDiskGoesOnAsAFile) {
  const auto server = Start();
  loops_.exhausted = true;
  const std::string told = Refused(*server);
  EXPECT_TRUE(told.contains("gone")) << told;
  EXPECT_EQ(server->attachment().device, std::nullopt);
  EXPECT_TRUE(DeviceWorks(request_.at));
  EXPECT_TRUE(server->Detach());
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

TEST_F(DiskServerTest, ARefusedDetachLeavesTheHoldOfWritersAsItWas) {
  const auto server = Start();
  WriteHold& hold = server->disk().hold();
  // No file system has so much room.
  hold.Take({.mark = Bytes(std::uint64_t{1} << 62U), .term = std::chrono::minutes(10)});
  ASSERT_TRUE(hold.held());
  loops_.stubborn = true;
  EXPECT_EQ(server->Detach().error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(server->attached());
  EXPECT_TRUE(hold.held());
  loops_.stubborn = false;
  EXPECT_TRUE(server->Detach());
}

}  // namespace
}  // namespace veneer
