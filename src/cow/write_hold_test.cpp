#include "cow/write_hold.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "cow/cow_disk.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(IsTooLittle, WhoWaitsGoesOnWhenAQuarterMoreIsFree) {
  EXPECT_FALSE(IsTooLittle(Bytes(100), Bytes(100), false));
  EXPECT_TRUE(IsTooLittle(Bytes(99), Bytes(100), false));
  EXPECT_TRUE(IsTooLittle(Bytes(124), Bytes(100), true));
  EXPECT_FALSE(IsTooLittle(Bytes(125), Bytes(100), true));
  EXPECT_FALSE(IsTooLittle(Bytes(0), Bytes(0), true));
}

constexpr Bytes kLittle{1};

class WriteHoldTest : public ::testing::Test {
 protected:
  // A writer that has come, and waits.
  std::thread Waiting(Bytes length = kLittle) {
    std::thread writer([this, length] { hold_.WaitForRoom(length); });
    while (hold_.waiting() == 0) std::this_thread::yield();
    return writer;
  }

  std::atomic<std::uint64_t> room_ = 10;
  WriteHold hold_{[this]() -> Result<Bytes> { return Bytes(room_.load()); }};
};

TEST_F(WriteHoldTest, NobodyWaitsWithoutALeaseOrWithRoom) {
  hold_.WaitForRoom(kLittle);
  hold_.Take({.mark = Bytes(10), .term = hours(1)});
  hold_.WaitForRoom(kLittle);
  EXPECT_FALSE(hold_.held());
  EXPECT_FALSE(hold_.HoldsNow());
}

TEST_F(WriteHoldTest, AWriterWaitsUntilThereIsRoom) {
  hold_.Take({.mark = Bytes(100), .term = hours(1)});
  EXPECT_TRUE(hold_.held());
  std::thread writer = Waiting();
  EXPECT_TRUE(hold_.HoldsNow());
  room_ = 125;
  writer.join();
  EXPECT_FALSE(hold_.held());
}

TEST_F(WriteHoldTest, AWriteThatMayPassTheMarkLooksAtOnce) {
  room_ = 1000;
  hold_.Take({.mark = Bytes(100), .term = hours(1)});
  EXPECT_FALSE(hold_.held());
  room_ = 99;
  std::thread writer = Waiting(Bytes(900));
  EXPECT_TRUE(hold_.held());
  room_ = 1000;
  writer.join();
}

TEST_F(WriteHoldTest, ALeaseThatIsNotRenewedLetsWritersGo) {
  hold_.Take({.mark = Bytes(100), .term = milliseconds(20)});
  std::thread([this] { hold_.WaitForRoom(kLittle); }).join();
  EXPECT_FALSE(hold_.held());
}

TEST_F(WriteHoldTest, ALiftLetsWritersGoAndLaterLeasesWait) {
  hold_.Take({.mark = Bytes(100), .term = hours(1)});
  std::thread writer = Waiting();
  hold_.Lift(hours(1));
  writer.join();
  hold_.Take({.mark = Bytes(100), .term = hours(1)});
  hold_.WaitForRoom(kLittle);
  EXPECT_FALSE(hold_.held());
  hold_.Lift(milliseconds(0));
  EXPECT_TRUE(hold_.held());
}

TEST_F(WriteHoldTest, WhereTheRoomCannotBeToldNobodyWaits) {
  WriteHold blind([]() -> Result<Bytes> { return FailErrno(EIO, "ask for the room"); });
  blind.Take({.mark = Bytes(100), .term = hours(1)});
  blind.WaitForRoom(kLittle);
  EXPECT_FALSE(blind.held());
}

// A disk whose writers are held by that hold.
class HeldDiskTest : public WriteHoldTest {
 protected:
  HeldDiskTest() { disk_->HoldWritersBy(hold_); }

  static std::unique_ptr<CowDisk> MakeDisk(testing::FakeFile& origin, testing::FakeFile& store) {
    std::array<std::byte, kHeaderBytes> header{};
    EncodeHeader({Activation::kValid, ChunkSize(), RecordedSizes{MiB(1), MiB(1)}}, header);
    EXPECT_TRUE(store.Open()->WriteAt(ByteOffset(0), header));
    return CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadWrite).value();
  }
  void ExpectIsWritten() {
    std::vector<std::byte> seen(block_.size());
    EXPECT_TRUE(disk_->Read(ByteOffset(0), seen));
    EXPECT_EQ(seen, block_);
  }
  // Writes the block; it has come when this returns, and waits.
  std::thread Writing(Result<void>& written) {
    std::thread writer([&] { written = disk_->Write(ByteOffset(0), block_); });
    while (hold_.waiting() == 0) std::this_thread::yield();
    return writer;
  }

  testing::FakeFile origin_{MiB(1)};
  testing::FakeFile store_{MiB(2)};
  std::unique_ptr<CowDisk> disk_ = MakeDisk(origin_, store_);
  std::vector<std::byte> block_ = std::vector<std::byte>(4096, std::byte{'w'});
};

TEST_F(HeldDiskTest, ReadsFlushesDiscardsAndClonesGoOn) {
  hold_.Take({.mark = Bytes(100), .term = hours(1)});
  Result<void> written;
  std::thread writer = Writing(written);
  std::vector<std::byte> seen(block_.size());
  EXPECT_TRUE(disk_->Read(ByteOffset(0), seen));
  EXPECT_NE(seen, block_);
  EXPECT_TRUE(disk_->Flush());
  EXPECT_TRUE(disk_->Discard(ByteOffset(0), Bytes(4096)));
  EXPECT_TRUE(disk_->AtCommittedMoment([] { return Result<void>(); }));
  room_ = 1000;
  writer.join();
  EXPECT_TRUE(written);
  ExpectIsWritten();
}

TEST_F(HeldDiskTest, AWriteThatMeetsAFullFileSystemWaitsToo) {
  // It was full before anybody looked again.
  store_.SetFreeSpace(Bytes(0));
  room_ = GiB(1).value();
  hold_.Take({.mark = Bytes(100), .term = hours(1)});
  room_ = 0;
  Result<void> written;
  std::thread writer = Writing(written);
  store_.SetFreeSpace(std::nullopt);
  room_ = 1000;
  writer.join();
  EXPECT_TRUE(written);
  ExpectIsWritten();
}

TEST_F(HeldDiskTest, AFullStoreIsAnErrorAllTheSame) {
  hold_.Take({.mark = Bytes(10), .term = hours(1)});
  store_.SetFreeSpace(Bytes(0));
  const Result<void> written = disk_->Write(ByteOffset(0), block_);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kNoSpace) << "there is more room than the mark";
}

}  // namespace
}  // namespace veneer
