// What every DiskBackend promises of the clone of an attached disk's store.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "conformance/backend_suite.h"
#include "kernel/testing/loop_host.h"
#include "support/disk_client.h"
#include "support/expect.h"

namespace veneer::conformance {
namespace {

using support::Pattern;
using support::Succeeds;

// Writes stamps 1, 2, 3 … round some blocks of a disk, each durable before the next, until it is
// dropped.
class Stamper {
 public:
  static constexpr std::size_t kBlock = 4096;
  static constexpr std::size_t kPlaces = 16;
  static constexpr std::size_t kStride = 3 * kBlock;

  explicit Stamper(const std::string& path)
      : disk_(path, support::DiskClient::For::kWriting), thread_([this] { Run(); }) {}
  Stamper(const Stamper&) = delete;
  Stamper& operator=(const Stamper&) = delete;
  ~Stamper() { stopped_ = true; }

  [[nodiscard]] std::uint64_t done() const { return done_.load(); }
  void WaitFor(std::uint64_t stamp) const {
    for (std::uint64_t now = done(); now < stamp; now = done()) done_.wait(now);
  }

  // The last stamp in the contents of a disk; nothing where one before it is not there.
  static std::optional<std::uint64_t> LastIn(const std::string& disk) {
    std::array<std::uint64_t, kPlaces> stamps{};
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const std::string block = disk.substr(place * kStride, kBlock);
      std::memcpy(&stamps.at(place), block.data(), sizeof(std::uint64_t));
      if (block != BlockOf(stamps.at(place))) return std::nullopt;
    }
    const std::uint64_t last = *std::ranges::max_element(stamps);
    for (std::uint64_t n = last; n > 0 && n + kPlaces > last; --n) {
      if (stamps.at(n % kPlaces) != n) return std::nullopt;
    }
    return last;
  }

 private:
  static std::string BlockOf(std::uint64_t stamp) {
    std::string block(kBlock, '\0');
    for (std::size_t at = 0; at < kBlock; at += sizeof stamp) {
      std::memcpy(&block[at], &stamp, sizeof stamp);
    }
    return block;
  }

  void Run() {
    for (std::uint64_t stamp = 1; !stopped_; ++stamp) {
      const std::string block = BlockOf(stamp);
      EXPECT_TRUE(disk_.valid() && disk_.Write(stamp % kPlaces * kStride, block));
      EXPECT_TRUE(disk_.valid() && disk_.Flush());
      done_ = stamp;
      done_.notify_all();
    }
  }

  support::DiskClient disk_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> done_ = 0;
  std::jthread thread_;
};

}  // namespace

TEST_P(BackendTest, ACloneShowsTheDiskAsItWas) {
  MakeDisk(MiB(4));
  const AttachedDisk disk = Attach();
  std::string expected = Image();
  WriteBoth(disk, expected, 5000, Pattern(100'000, 2));
  const std::string then = expected;
  const auto cloned = backend_->CloneStore(disk.path, clone_);
  ASSERT_TRUE(Succeeds(cloned));
  EXPECT_GE(cloned->held.count(), 0);
  WriteBoth(disk, expected, 50'000, Pattern(MiB(1).value(), 3));
  ExpectSound(clone_);
  EXPECT_EQ(Flattened(clone_), then);
  EXPECT_EQ(Read(disk, 0, expected.size()), expected);
  ExpectInStore(disk, expected);
}

TEST_P(BackendTest, ACloneIsTheStoreOfADiskOfItsOwn) {
  MakeDisk(MiB(2));
  const AttachedDisk disk = Attach();
  Write(disk, 0, std::string(4096, '1'));
  ASSERT_TRUE(Succeeds(backend_->CloneStore(disk.path, clone_)));
  DiskRequest request = Request("clone");
  request.store = clone_;
  const AttachedDisk other = Attach(request);
  EXPECT_EQ(Read(other, 0, 4096), std::string(4096, '1'));
  Write(other, 0, std::string(4096, '2'));
  EXPECT_EQ(Read(disk, 0, 4096), std::string(4096, '1'));
  Detach(other);
  Detach(disk);
  EXPECT_EQ(Flattened(clone_).substr(0, 4096), std::string(4096, '2'));
  EXPECT_EQ(Flattened().substr(0, 4096), std::string(4096, '1'));
}

TEST_P(BackendTest, ACloneHasWhatNobodyHasFlushed) {
  MakeDisk(MiB(2));
  const AttachedDisk disk = Attach();
  const support::DiskClient client(disk.path, support::DiskClient::For::kWriting);
  ASSERT_TRUE(client.valid() && client.Write(5000, "written"));
  ASSERT_TRUE(Succeeds(backend_->CloneStore(disk.path, clone_)));
  EXPECT_EQ(Flattened(clone_).substr(5000, 7), "written");
}

TEST_P(BackendTest, AClonePathThatCannotBeIsRefusedAndTheDiskGoesOn) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  support::WriteFile(clone_, "somebody's");
  ExpectNotCloned(disk.path, clone_, ErrorKind::kConflict);
  EXPECT_EQ(support::ReadFile(clone_), "somebody's");
  ExpectNotCloned(disk.path, dir_ / "missing/clone", ErrorKind::kNotFound);
  ExpectNotCloned(disk.path, "", ErrorKind::kUsage);
  Write(disk, 0, "goes on");
  EXPECT_EQ(Read(disk, 0, 7), "goes on");
  Detach(disk);
}

TEST_P(BackendTest, AReadOnlyDiskIsNotCloned) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = AttachReadOnly();
  ExpectNotCloned(disk.path, clone_, ErrorKind::kUsage);
  EXPECT_FALSE(std::filesystem::exists(clone_));
  Detach(disk);
}

TEST_P(BackendTest, WhatIsNotAttachedIsNotCloned) {
  MakeDisk(MiB(1));
  ExpectNotCloned(Request().at, clone_, ErrorKind::kNotFound);
  const AttachedDisk disk = Attach();
  Detach(disk);
  ExpectNotCloned(disk.path, clone_, ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(clone_));
}

TEST_P(LiveBackendTest, AWriterIsClonedAtOneMoment) {
  support::MakeZeros(image_, MiB(1).value());
  MakeStore(store_, Bytes(0), Bytes(0));
  const AttachedDisk disk = Attach();
  {
    const Stamper writer(disk.path);
    for (int round = 0; round < 10 && !HasFailure(); ++round) {
      const std::string clone = clone_ + std::to_string(round);
      writer.WaitFor(writer.done() + Stamper::kPlaces / 2);
      const std::uint64_t before = writer.done();
      ASSERT_TRUE(Succeeds(backend_->CloneStore(disk.path, clone)));
      const std::uint64_t after = writer.done();
      ExpectSound(clone);
      const auto last = Stamper::LastIn(Flattened(clone));
      ASSERT_TRUE(last);
      EXPECT_GE(*last, before);
      EXPECT_LE(*last, after + 1) << "the last one need not be counted yet";
    }
  }
  Detach(disk);
}

TEST_P(LiveBackendTest, AClonePutsWhatABlockDeviceHasInItsCacheInTheStore) {
  if (!testing::HostHasLoops()) GTEST_SKIP() << "needs root and loop devices";
  if (GetParam().way.export_kind == ExportKind::kNbd) GTEST_SKIP() << "NBD has no block device";
  MakeDisk(MiB(2));
  DiskRequest request = Request();
  request.exposure = Exposure::kBlockDevice;
  const AttachedDisk disk = Attach(request);
  {
    const UniqueFd fd(::open(disk.device->c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::pwrite(fd.get(), "written", 7, 5000), 7);
    ASSERT_TRUE(Succeeds(backend_->CloneStore(*disk.device, clone_)));
    EXPECT_EQ(Flattened(clone_).substr(5000, 7), "written");
  }
  Detach(disk);
}

}  // namespace veneer::conformance
