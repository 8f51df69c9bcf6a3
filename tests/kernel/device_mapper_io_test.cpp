// LinuxDeviceMapper and LinuxLoopControl on a real kernel: what goes through the devices.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "dm_fixture.h"

namespace veneer {
namespace {

constexpr std::size_t kBlock = 4096;

std::string ReadBlock(const UniqueFd& fd, off_t at) {
  std::string block(kBlock, '?');
  const ssize_t n = ::pread(fd.get(), block.data(), block.size(), at);
  return n == static_cast<ssize_t>(kBlock) ? block : "";
}

// Writes a block and has it reach the device below.
bool WriteBlock(const UniqueFd& fd, off_t at, char fill) {
  const std::string block(kBlock, fill);
  return ::pwrite(fd.get(), block.data(), block.size(), at) == static_cast<ssize_t>(kBlock) &&
         ::fsync(fd.get()) == 0;
}

class DmIoTest : public DmTest {
 protected:
  // The parts of "used/total metadata", in sectors.
  struct Fill {
    std::uint64_t used = 0;
    std::uint64_t total = 0;
    std::uint64_t metadata = 0;
  };
  Fill FillOf(const std::string& name) {
    const DmState state = dm_.Query(name).value();
    Fill fill;
    if (std::sscanf(state.status.at(0).params.c_str(), "%lu/%lu %lu", &fill.used, &fill.total,
                    &fill.metadata) != 3) {
      ADD_FAILURE() << state.status.at(0).params;
    }
    return fill;
  }
};

TEST_F(DmIoTest, WhatIsWrittenThroughALinearDeviceIsInTheFile) {
  const HeldLoop loop = Loop("disk", MiB(1));
  const DmDevice device = dm_.Create(Linear("veneer-a", loop.device.device)).value();
  ASSERT_TRUE(WriteBlock(Open(device.Path(), O_RDWR), 8192, 'v'));
  ASSERT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_EQ(ReadBlock(Open(directory_ / "disk", O_RDONLY), 8192), std::string(kBlock, 'v'));
}

TEST_F(DmIoTest, AHeldLoopDeviceLivesAsLongAsATableHasIt) {
  HeldLoop loop = Loop("disk", MiB(1));
  const std::string path = loop.device.path;
  ASSERT_TRUE(dm_.Create(Linear("veneer-a", loop.device.device)));
  loop.hold.Close();
  const auto other = LinuxFile::Open(directory_ / "disk", Access::kReadWrite).value();
  EXPECT_EQ(loops_.Find(other->Identity().value(), other->name()).value().size(), 1U);
  ASSERT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_TRUE(WaitUntil(kLong, [&] { return !loops_.BackingFile(path).has_value(); }));
}

TEST_F(DmIoTest, ASnapshotKeepsItsOriginAndTellsHowFullItIs) {
  const HeldLoop origin = Loop("image", MiB(4), {.access = Access::kReadOnly});
  const HeldLoop store = Loop("store", MiB(1));
  const DmDevice device =
      dm_.Create(Snapshot("veneer-a", origin.device.device, store.device.device, kMiB * 4)).value();
  EXPECT_EQ(SizeOf(device.Path()), MiB(4));
  const Fill before = FillOf("veneer-a");
  EXPECT_EQ(before.total, kMiB.value());
  EXPECT_EQ(before.used, before.metadata);
  ASSERT_TRUE(WriteBlock(Open(device.Path(), O_RDWR), 0, 'v'));
  EXPECT_EQ(FillOf("veneer-a").used, before.used + 8);
  EXPECT_EQ(ReadBlock(Open(device.Path(), O_RDONLY), 0), std::string(kBlock, 'v'));
  EXPECT_EQ(ReadBlock(Open(directory_ / "image", O_RDONLY), 0), std::string(kBlock, '\0'));
}

TEST_F(DmIoTest, AStoreGrowsUnderItsDevice) {
  const HeldLoop origin = Loop("image", MiB(4), {.access = Access::kReadOnly});
  const HeldLoop store = Loop("store", MiB(1));
  ASSERT_TRUE(
      dm_.Create(Snapshot("veneer-a", origin.device.device, store.device.device, kMiB * 4)));
  ASSERT_EQ(::truncate((directory_ / "store").c_str(), static_cast<off_t>(MiB(3).value())), 0);
  ASSERT_TRUE(loops_.UpdateSize(store.device));
  EXPECT_EQ(FillOf("veneer-a").total, (kMiB * 3).value());
}

TEST_F(DmIoTest, AFullStoreIsToldAsAnOverflow) {
  const HeldLoop origin = Loop("image", MiB(4), {.access = Access::kReadOnly});
  const HeldLoop store = Loop("store", KiB(64));
  const DmDevice device =
      dm_.Create(Snapshot("veneer-a", origin.device.device, store.device.device, kMiB * 4)).value();
  const UniqueFd fd = Open(device.Path(), O_RDWR);
  off_t at = 0;
  while (at < static_cast<off_t>(MiB(4).value()) && WriteBlock(fd, at, 'v')) at += kBlock;
  EXPECT_LT(at, static_cast<off_t>(KiB(64).value()));
  EXPECT_EQ(dm_.Query("veneer-a").value().status.at(0).params, "Overflow");
}

TEST_F(DmIoTest, ATableMayBeReadOnlyOverAReadOnlyDevice) {
  const HeldLoop image = Loop("image", MiB(1), {.access = Access::kReadOnly});
  DmSpec spec = Linear("veneer-a", image.device.device);
  spec.access = Access::kReadOnly;
  const DmDevice device = dm_.Create(spec).value();
  int read_only = 0;
  ASSERT_EQ(::ioctl(Open(device.Path(), O_RDONLY).get(), BLKROGET, &read_only), 0);
  EXPECT_EQ(read_only, 1);
}

TEST_F(DmIoTest, ASuspendedDeviceHoldsItsUsersBackAndLosesNothing) {
  const HeldLoop loop = Loop("disk", MiB(1));
  const DmDevice device = dm_.Create(Linear("veneer-a", loop.device.device)).value();
  const UniqueFd fd = Open(device.Path(), O_RDWR);
  ASSERT_TRUE(dm_.Suspend("veneer-a"));
  ASSERT_TRUE(dm_.Suspend("veneer-a"));
  std::atomic<bool> written{false};
  std::jthread writer([&] { written = WriteBlock(fd, 0, 'v'); });
  // Asked while a writer waits, nobody waits with it.
  const DmState state = dm_.Query("veneer-a").value();
  EXPECT_TRUE(state.suspended);
  EXPECT_EQ(dm_.List(kPrefix).value().size(), 1U);
  EXPECT_FALSE(written);
  ASSERT_TRUE(dm_.Resume("veneer-a"));
  ASSERT_TRUE(dm_.Resume("veneer-a"));
  writer.join();
  EXPECT_TRUE(written);
  EXPECT_FALSE(dm_.Query("veneer-a").value().suspended);
  // Not from the loop device: udev may have read what was there before.
  EXPECT_EQ(ReadBlock(Open(directory_ / "disk", O_RDONLY), 0), std::string(kBlock, 'v'));
}

}  // namespace
}  // namespace veneer
