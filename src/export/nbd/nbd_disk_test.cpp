#include "export/nbd/nbd_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "cow/create.h"
#include "export/nbd/nbd_clients.h"
#include "kernel/linux/linux_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using Allocation = NbdDisk::Allocation;

struct Stretch {
  std::uint64_t at;
  std::uint64_t length;
  Allocation allocation;
  bool operator==(const Stretch&) const = default;
};

void PrintTo(const Stretch& stretch, std::ostream* out) {
  *out << stretch.at << "+" << stretch.length
       << (stretch.allocation == Allocation::kHole ? " hole" : " data");
}

// A disk of 1 MiB: 256 KiB of data in the origin, then a hole.
class NbdDiskTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kData = 256 << 10U;
  static constexpr std::uint64_t kSize = 1 << 20U;

  void SetUp() override {
    testing::MakeFile(directory_ / "origin", Bytes(kSize));
    const auto origin = LinuxFile::Open(directory_ / "origin", Access::kReadWrite).value();
    const std::vector<std::byte> data(kData, std::byte{'o'});
    ASSERT_TRUE(origin->WriteAt(ByteOffset(0), data));
    ASSERT_TRUE(CreateStore(directory_ / "store",
                            {.chunk_size = ChunkSize{}, .origin_size = Bytes(kSize)}));
    disk_ = CowDisk::Open(LinuxFile::Open(directory_ / "origin", Access::kReadOnly).value(),
                          LinuxFile::Open(directory_ / "store", Access::kReadWrite).value(),
                          DiskAccess::kReadWrite)
                .value();
    nbd_ = std::make_unique<NbdDisk>(*disk_);
  }
  std::vector<Stretch> Map(std::uint64_t at = 0, std::uint64_t length = kSize) {
    std::vector<Stretch> map;
    EXPECT_TRUE(nbd_->VisitExtents(ByteOffset(at), Bytes(length),
                                   [&](ByteOffset from, Bytes bytes, Allocation allocation) {
                                     map.push_back({from.value(), bytes.value(), allocation});
                                     return true;
                                   }));
    return map;
  }
  // Neighbours of one kind as one.
  std::vector<Stretch> JoinedMap() {
    std::vector<Stretch> joined;
    for (const Stretch& each : Map()) {
      if (!joined.empty() && joined.back().allocation == each.allocation) {
        joined.back().length += each.length;
      } else {
        joined.push_back(each);
      }
    }
    return joined;
  }
  std::string Read(std::uint64_t at, std::size_t length) {
    std::string data(length, '?');
    EXPECT_TRUE(nbd_->Read(ByteOffset(at), std::as_writable_bytes(std::span(data))));
    return data;
  }
  Result<void> Write(std::uint64_t at, const std::string& data,
                     Durability durability = Durability::kWithFlush) {
    return nbd_->Write(ByteOffset(at), std::as_bytes(std::span(data)), durability);
  }

  testing::TempDirectory directory_;
  std::unique_ptr<CowDisk> disk_;
  std::unique_ptr<NbdDisk> nbd_;
};

TEST_F(NbdDiskTest, TheMapShowsWhatTheOriginHas) {
  EXPECT_EQ(JoinedMap(), (std::vector<Stretch>{{0, kData, Allocation::kData},
                                               {kData, kSize - kData, Allocation::kHole}}));
}

TEST_F(NbdDiskTest, TheMapShowsWhatWasWrittenAndZeroed) {
  ASSERT_TRUE(Write(512 << 10U, std::string(8192, 'w')));
  ASSERT_TRUE(nbd_->Zero(ByteOffset(0), KiB(64), ZeroWay::kHoles, Durability::kWithFlush));
  EXPECT_EQ(JoinedMap(),
            (std::vector<Stretch>{{0, 64 << 10U, Allocation::kHole},
                                  {64 << 10U, kData - (64 << 10U), Allocation::kData},
                                  {kData, (512 << 10U) - kData, Allocation::kHole},
                                  {512 << 10U, 8192, Allocation::kData},
                                  {(512 << 10U) + 8192, (504 << 10U), Allocation::kHole}}));
  EXPECT_EQ(Read(0, 4096), std::string(4096, '\0'));
}

TEST_F(NbdDiskTest, AMapOfAPartCoversThatPart) {
  EXPECT_EQ(Map(kData - 100, 200), (std::vector<Stretch>{{kData - 100, 100, Allocation::kData},
                                                         {kData, 100, Allocation::kHole}}));
  EXPECT_EQ(Map(kSize - 1, 1), (std::vector<Stretch>{{kSize - 1, 1, Allocation::kHole}}));
}

TEST_F(NbdDiskTest, AWalkEndsWhereTheVisitorSaysSo) {
  unsigned visited = 0;
  EXPECT_TRUE(nbd_->VisitExtents(ByteOffset(0), Bytes(kSize), [&](ByteOffset, Bytes, Allocation) {
    ++visited;
    return false;
  }));
  EXPECT_EQ(visited, 1U);
}

TEST_F(NbdDiskTest, ZerosThatMustHaveRoomAreData) {
  ASSERT_TRUE(nbd_->Zero(ByteOffset(0), KiB(128), ZeroWay::kAllocated, Durability::kAtOnce));
  EXPECT_EQ(Read(0, KiB(128).value()), std::string(KiB(128).value(), '\0'));
  EXPECT_EQ(Read(KiB(128).value(), 1), "o");
  EXPECT_EQ(Map(0, KiB(128).value()).front().allocation, Allocation::kData);
}

TEST_F(NbdDiskTest, ATrimOfWhatWasWrittenGivesItBack) {
  ASSERT_TRUE(Write(kData, std::string(8192, 'w')));
  ASSERT_TRUE(nbd_->Trim(ByteOffset(kData), Bytes(8192), Durability::kWithFlush));
  EXPECT_EQ(Read(kData, 8192), std::string(8192, '\0'));
  EXPECT_EQ(Map(kData, 8192), (std::vector<Stretch>{{kData, 8192, Allocation::kHole}}));
}

TEST_F(NbdDiskTest, AWriteWithFuaFlushesBeforeItIsDone) {
  ASSERT_TRUE(Write(0, "later"));
  EXPECT_EQ(disk_->counters().flushes, 0U);
  ASSERT_TRUE(Write(0, "now", Durability::kAtOnce));
  EXPECT_EQ(disk_->counters().flushes, 1U);
}

TEST_F(NbdDiskTest, NobodyWritesBeyondTheEnd) {
  const auto beyond = Write(kSize - 1, "xy");
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().kind, ErrorKind::kUsage);
  EXPECT_FALSE(nbd_->Zero(ByteOffset(kSize), Bytes(1), ZeroWay::kAllocated, Durability::kAtOnce));
}

TEST(NbdClientsTest, TheDoorClosesWhenNobodyIsInside) {
  NbdClients clients;
  ASSERT_TRUE(clients.Enter(7));
  ASSERT_TRUE(clients.Enter(7));
  EXPECT_FALSE(clients.CloseIfEmpty());
  EXPECT_EQ(clients.Inside(), (std::vector<pid_t>{7, 7}));
  clients.Leave(7);
  EXPECT_FALSE(clients.CloseIfEmpty());
  ASSERT_TRUE(clients.Enter(8));
  clients.Leave(7);
  clients.Leave(8);
  EXPECT_TRUE(clients.CloseIfEmpty());
  EXPECT_EQ(clients.Enter(9).error().kind, ErrorKind::kConflict);
}

// A client that has hung up is outside, and one of its requests may be inside the disk all the
// same.
TEST(NbdClientsTest, TheDoorStaysOpenWhileARequestIsServed) {
  NbdClients clients;
  ASSERT_TRUE(clients.Enter(7));
  ASSERT_TRUE(clients.BeginRequest());
  clients.Leave(7);
  EXPECT_FALSE(clients.CloseIfEmpty());
  ASSERT_TRUE(clients.BeginRequest()) << "it was not closed for good";
  clients.EndRequest();
  clients.EndRequest();
  EXPECT_TRUE(clients.CloseIfEmpty());
  EXPECT_FALSE(clients.BeginRequest());
  EXPECT_TRUE(clients.CloseIfEmpty());
}

}  // namespace
}  // namespace veneer
