#include "kernel/linux/linux_loop_control.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"
#include "kernel/testing/loop_host.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kLong{60};

class LoopControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::HostHasLoops()) GTEST_SKIP() << "needs root and loop devices";
    file_ = testing::MakeFile(path_, MiB(4));
    identity_ = file_->Identity().value();
  }
  void TearDown() override {
    if (file_) testing::FreeLoopsOn(loops_, identity_, path_);
  }
  LoopDevice Attach(const LoopOptions& options = {}) {
    return loops_.Attach(path_, options).value();
  }
  std::vector<LoopDevice> OnFile() { return loops_.Find(identity_, path_).value(); }
  // What sysfs says of the device.
  static std::string Ask(const LoopDevice& device, const std::string& what) {
    return ReadLineOr("/sys/block/loop" + std::to_string(device.number) + "/loop/" + what, "");
  }
  static Bytes SizeOf(const HeldLoop& held) {
    std::uint64_t size = 0;
    if (::ioctl(held.hold.get(), BLKGETSIZE64, &size) != 0) return Bytes(0);
    return Bytes(size);
  }

  testing::TempDirectory directory_;
  std::string path_ = directory_ / "disk";
  std::unique_ptr<LinuxFile> file_;
  FileIdentity identity_;
  LinuxLoopControl loops_{milliseconds(200)};
};

UniqueFd Open(const LoopDevice& device, int flags) {
  return UniqueFd(::open(device.path.c_str(), flags | O_CLOEXEC));
}

TEST_F(LoopControlTest, AnAttachedFileIsADiskOfItsSize) {
  const LoopDevice device = Attach();
  const UniqueFd fd = Open(device, O_RDWR);
  std::uint64_t size = 0;
  ASSERT_EQ(::ioctl(fd.get(), BLKGETSIZE64, &size), 0);
  EXPECT_EQ(size, MiB(4).value());
  int sector = 0;
  ASSERT_EQ(::ioctl(fd.get(), BLKSSZGET, &sector), 0);
  EXPECT_EQ(sector, 512);
  EXPECT_EQ(loops_.BackingFile(device.path).value(), path_);
}

TEST_F(LoopControlTest, TheBlockSizeAndTheNumberCanBeChosen) {
  const LoopDevice device = Attach();
  ASSERT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  const LoopDevice again = Attach({.block_size = KiB(4), .number = device.number});
  EXPECT_EQ(again.path, device.path);
  int sector = 0;
  ASSERT_EQ(::ioctl(Open(again, O_RDONLY).get(), BLKSSZGET, &sector), 0);
  EXPECT_EQ(sector, 4096);
  EXPECT_EQ(loops_.Attach(path_, {.number = device.number}).error().kind, ErrorKind::kConflict);
}

TEST_F(LoopControlTest, AReadOnlyDeviceCannotBeOpenedForWriting) {
  const LoopDevice device = Attach({.access = Access::kReadOnly});
  int read_only = 0;
  ASSERT_EQ(::ioctl(Open(device, O_RDONLY).get(), BLKROGET, &read_only), 0);
  EXPECT_EQ(read_only, 1);
}

TEST_F(LoopControlTest, AFileIsFoundBehindEachOfItsDevices) {
  const LoopDevice first = Attach();
  const LoopDevice second = Attach({.access = Access::kReadOnly});
  ASSERT_EQ(OnFile().size(), 2U);
  ASSERT_TRUE(loops_.Detach(first, OnWriteError::kKeep));
  ASSERT_EQ(OnFile().size(), 1U);
  EXPECT_EQ(OnFile()[0].path, second.path);
}

TEST_F(LoopControlTest, DetachingWritesBackAndAFreeDeviceIsFine) {
  const LoopDevice device = Attach();
  {
    const UniqueFd fd = Open(device, O_RDWR);
    ASSERT_EQ(::pwrite(fd.get(), "veneer", 6, 8192), 6);
  }
  ASSERT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  std::array<char, 6> read{};
  ASSERT_TRUE(file_->ReadAt(ByteOffset(8192), std::as_writable_bytes(std::span(read))));
  EXPECT_EQ(std::string(read.data(), 6), "veneer");
  EXPECT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  EXPECT_EQ(loops_.BackingFile(device.path).error().kind, ErrorKind::kNotFound);
}

TEST_F(LoopControlTest, ADeviceThatIsHeldIsAConflictAndStays) {
  const LoopDevice device = Attach();
  for (const int how : {O_RDONLY, O_RDWR | O_EXCL}) {
    UniqueFd holder = Open(device, how);
    ASSERT_TRUE(holder.valid());
    EXPECT_EQ(loops_.Detach(device, OnWriteError::kKeep).error().kind, ErrorKind::kConflict);
    holder.Close();
    // It was not left to clear itself with its last holder.
    EXPECT_EQ(OnFile().size(), 1U);
    EXPECT_EQ(Ask(device, "autoclear"), "0");
  }
  EXPECT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
}

TEST_F(LoopControlTest, DetachWaitsForAHolderThatIsAboutToGo) {
  LinuxLoopControl patient{std::chrono::seconds(30)};
  const LoopDevice device = Attach();
  UniqueFd holder = Open(device, O_RDONLY);
  Result<void> detached;
  std::jthread detacher([&] { detached = patient.Detach(device, OnWriteError::kKeep); });
  while (Ask(device, "autoclear") == "0") std::this_thread::yield();
  holder.Close();
  detacher.join();
  EXPECT_TRUE(detached);
  EXPECT_TRUE(OnFile().empty());
}

TEST_F(LoopControlTest, OnlyADirectDeviceGoesPastThePageCache) {
  EXPECT_FALSE(Attach({.io = LoopIo::kBuffered}).direct);
  const LoopDevice device = Attach({.io = LoopIo::kDirect});
  EXPECT_EQ(device.direct ? "1" : "0", Ask(device, "dio"));
}

TEST_F(LoopControlTest, AHeldDeviceClearsItselfWithItsLastOpener) {
  HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  EXPECT_EQ(Ask(held.device, "autoclear"), "1");
  UniqueFd other = Open(held.device, O_RDONLY);
  ASSERT_TRUE(other.valid());
  held.hold.Close();
  EXPECT_EQ(OnFile().size(), 1U);
  other.Close();
  EXPECT_TRUE(WaitUntil(kLong, [&] { return OnFile().empty(); }));
}

TEST_F(LoopControlTest, TheLockOfTheFileLastsAsLongAsItsHeldDevice) {
  ASSERT_TRUE(file_->TryLock(LinuxFile::Lock::kExclusive));
  HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  file_.reset();
  const auto other = LinuxFile::Open(path_, Access::kReadWrite).value();
  EXPECT_EQ(other->TryLock(LinuxFile::Lock::kExclusive).error().kind, ErrorKind::kConflict);
  held.hold.Close();
  EXPECT_TRUE(
      WaitUntil(kLong, [&] { return other->TryLock(LinuxFile::Lock::kExclusive).has_value(); }));
  EXPECT_TRUE(OnFile().empty());
}

TEST_F(LoopControlTest, AKilledHolderLeavesNoDevice) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  const UniqueFd from(ready[0]);
  UniqueFd to(ready[1]);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const auto held = loops_.AttachHeld(*file_, {});
    if (held && ::write(to.get(), "y", 1) == 1) ::pause();
    ::_exit(1);
  }
  to.Close();
  char answer = 'n';
  EXPECT_EQ(::read(from.get(), &answer, 1), 1);
  EXPECT_EQ(OnFile().size(), 1U);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(WaitUntil(kLong, [&] { return OnFile().empty(); }));
}

TEST_F(LoopControlTest, AHoldKeepsADeviceWhoseFirstHolderGoes) {
  HeldLoop first = loops_.AttachHeld(*file_, {.access = Access::kReadOnly}).value();
  HeldLoop second = loops_.Hold(first.device.number, identity_).value();
  EXPECT_EQ(second.device.path, first.device.path);
  first.hold.Close();
  EXPECT_EQ(OnFile().size(), 1U);
  second.hold.Close();
  EXPECT_TRUE(WaitUntil(kLong, [&] { return OnFile().empty(); }));
}

TEST_F(LoopControlTest, AFreeDeviceAndOneOfAnotherFileCannotBeHeld) {
  const auto other = testing::MakeFile(directory_ / "other", MiB(1));
  const LoopDevice device = Attach();
  EXPECT_EQ(loops_.Hold(device.number, other->Identity().value()).error().kind,
            ErrorKind::kNotFound);
  ASSERT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  EXPECT_EQ(loops_.Hold(device.number, identity_).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(loops_.Hold(999'999, identity_).error().kind, ErrorKind::kNotFound);
}

TEST_F(LoopControlTest, ADeviceTakesOnTheSizeThatItsFileHasNow) {
  const HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  ASSERT_TRUE(file_->Resize(MiB(6)));
  EXPECT_EQ(SizeOf(held), MiB(4));
  ASSERT_TRUE(loops_.UpdateSize(held.device));
  EXPECT_EQ(SizeOf(held), MiB(6));
}

TEST_F(LoopControlTest, AFreeDeviceHasNoSizeToTakeOn) {
  const LoopDevice device = Attach();
  ASSERT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  EXPECT_EQ(loops_.UpdateSize(device).error().kind, ErrorKind::kNotFound);
}

TEST_F(LoopControlTest, ADeviceThatClearsItselfStillDoesAfterADetachInVain) {
  HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  EXPECT_EQ(loops_.Detach(held.device, OnWriteError::kKeep).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Ask(held.device, "autoclear"), "1");
  held.hold.Close();
  EXPECT_TRUE(WaitUntil(kLong, [&] { return OnFile().empty(); }));
}

TEST_F(LoopControlTest, ManyThreadsEachGetADeviceOfTheirOwn) {
  constexpr std::size_t kThreads = 8;
  std::array<Result<HeldLoop>, kThreads> held;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (Result<HeldLoop>& mine : held) {
      threads.emplace_back([&] { mine = loops_.AttachHeld(*file_, {}); });
    }
  }
  std::set<std::string> paths;
  for (const Result<HeldLoop>& each : held) {
    ASSERT_TRUE(each) << each.error().what;
    paths.insert(each->device.path);
  }
  EXPECT_EQ(paths.size(), kThreads);
}

TEST_F(LoopControlTest, WhatIsNoLoopDeviceIsNotFound) {
  for (const char* name : {"", "/dev/null", "/dev/loop", "/dev/loopx", "/dev/loop1x", "loop1"}) {
    EXPECT_EQ(loops_.BackingFile(name).error().kind, ErrorKind::kNotFound) << name;
  }
  EXPECT_EQ(loops_.Attach(directory_ / "missing", {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(LoopControlTest, ADeviceThatSomebodyFreedAndSomebodyTookIsLeftAlone) {
  const LoopDevice mine = Attach();
  ASSERT_TRUE(loops_.Detach(mine, OnWriteError::kKeep));
  const std::string other = directory_ / "other";
  const auto file = testing::MakeFile(other, MiB(1));
  const LoopDevice theirs = loops_.Attach(other, {.number = mine.number}).value();
  EXPECT_TRUE(loops_.Detach(mine, OnWriteError::kKeep));
  EXPECT_EQ(loops_.BackingFile(theirs.path).value(), other);
  {
    const UniqueFd user = Open(theirs, O_RDONLY | O_EXCL);
    EXPECT_TRUE(loops_.Detach(mine, OnWriteError::kKeep));
  }
  EXPECT_TRUE(loops_.Detach(theirs, OnWriteError::kKeep));
}

}  // namespace
}  // namespace veneer
