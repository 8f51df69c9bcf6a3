// Stores and hosts that run full under the kernel's snapshots.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/statvfs.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "cow/grow.h"
#include "format/testing/put_exception.h"
#include "kernel/dm_host.h"

namespace veneer::kernel_test {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class DmSpaceTest : public DmHost {
 protected:
  StoreCondition ConditionAt(const std::string& path) {
    const auto fill = dm_->Fill(path);
    EXPECT_TRUE(Succeeds(fill));
    return fill ? fill->condition : StoreCondition::kInvalid;
  }
};

TEST_F(DmSpaceTest, RewritingEveryChunkFitsIntoAStoreOfDefaultSize) {
  for (const char* chunk_size : {"4K", "64K"}) {
    MakeImage(MiB(32));
    MakeStore("a", chunk_size);
    const std::string path = Attach(*dm_, "a");
    const std::string fresh = Pattern(32 * kMiB, 6);
    EXPECT_EQ(Write(path, 0, fresh), 0);
    EXPECT_EQ(ConditionAt(path), StoreCondition::kGood);
    EXPECT_TRUE(Read(path, 0, fresh.size()) == fresh);
    Detach(*dm_, path);
    EXPECT_TRUE(Flattened("a") == fresh);
    std::filesystem::remove(StoreOf("a"));
  }
}

TEST_F(DmSpaceTest, AStoreWithGapsOfTheEngineHoldsTheWholeDiskAllTheSame) {
  MakeImage(MiB(8));
  MakeStore("a");
  const std::string path = Attach(*user_, "a");
  ASSERT_EQ(Write(path, 0, "one"), 0);
  Detach(*user_, path);
  // As after a cut between two writes, the second of which was flushed alone.
  MustRun({"dd", "if=" + StoreOf("a"), "of=" + StoreOf("a"), "bs=4K", "count=1", "skip=2",
           "seek=900", "conv=notrunc", "status=none"});
  testing::PutException(StoreOf("a"), {OriginChunk(0), StoreChunk(900)});
  Ok({"cow", "check", StoreOf("a"), "--origin", image_});
  const std::string device = Attach(*dm_, "a");
  EXPECT_EQ(Read(device, 0, 3), "one");
  const std::string fresh = Pattern(8 * kMiB, 6);
  EXPECT_EQ(Write(device, 0, fresh), 0);
  EXPECT_EQ(ConditionAt(device), StoreCondition::kGood);
  Detach(*dm_, device);
  EXPECT_TRUE(Flattened("a") == fresh);
}

TEST_F(DmSpaceTest, AStoreWhoseLastAreaFillsUpOverflowsAndIsNotLost) {
  MakeImage(MiB(8));
  MakeStore("a");
  std::filesystem::resize_file(StoreOf("a"), std::uintmax_t{1 + 257} * 4096);
  const std::string path = Attach(*dm_, "a");
  const std::string data = Pattern(200 * 4096, 3);
  ASSERT_EQ(Write(path, 0, data), 0);
  EXPECT_NE(Write(path, 2 * kMiB, Pattern(4 * kMiB, 4)), 0);
  EXPECT_EQ(ConditionAt(path), StoreCondition::kOverflow);
  EXPECT_TRUE(Read(path, 0, data.size()) == data);
  Detach(*dm_, path);
  EXPECT_TRUE(Flattened("a").substr(0, data.size()) == data);
}

TEST_F(DmSpaceTest, AFullStoreFailsWritesOnlyAndIsWholeAgainAfterItHasGrown) {
  MakeImage(MiB(16));
  MakeStore("a", "4K", {"--max-change", "4M"});
  std::string path = Attach(*dm_, "a");
  const std::string data = Pattern(3 * kMiB, 3);
  ASSERT_EQ(Write(path, 0, data), 0);
  EXPECT_NE(Write(path, 4 * kMiB, Pattern(8 * kMiB, 4)), 0);
  EXPECT_EQ(ConditionAt(path), StoreCondition::kOverflow);
  EXPECT_GT(dm_->Fill(path)->fill(), 0.99);
  EXPECT_TRUE(Read(path, 0, data.size()) == data);
  EXPECT_EQ(Read(path, 15 * kMiB, kMiB), support::ReadFile(image_).substr(15 * kMiB));
  Detach(*dm_, path);
  EXPECT_TRUE(Flattened("a").substr(0, data.size()) == data);

  Ok({"cow", "grow", StoreOf("a")});
  path = Attach(*dm_, "a");
  EXPECT_EQ(ConditionAt(path), StoreCondition::kGood);
  EXPECT_TRUE(Read(path, 0, data.size()) == data);
  const std::string fresh = Pattern(16 * kMiB, 5);
  EXPECT_EQ(Write(path, 0, fresh), 0);
  Detach(*dm_, path);
  EXPECT_TRUE(Flattened("a") == fresh);
}

TEST_F(DmSpaceTest, AStoreGrowsBeforeItOverflowsWhileItIsWrittenTo) {
  MakeImage(MiB(32));
  MakeStore("a", "4K", {"--max-change", "4M"});
  const std::string path = Attach(*dm_, "a");
  const std::string fresh = Pattern(32 * kMiB, 8);
  for (std::size_t done = 0; done < fresh.size(); done += kMiB) {
    const auto fill = dm_->Fill(path);
    ASSERT_TRUE(Succeeds(fill));
    if (fill->capacity - fill->used < MiB(2)) {
      ASSERT_TRUE(Succeeds(dm_->Grow(path, Bytes(done) + MiB(8))));
    }
    ASSERT_EQ(Write(path, done, std::string_view(fresh).substr(done, kMiB)), 0);
  }
  EXPECT_EQ(ConditionAt(path), StoreCondition::kGood);
  Detach(*dm_, path);
  EXPECT_TRUE(Flattened("a") == fresh);
}

// A file system of its own, small, for the store.
class SmallHostTest : public DmSpaceTest {
 protected:
  void SetUp() override {
    DmSpaceTest::SetUp();
    std::filesystem::create_directory(Path("small"));
    support::MakeZeros(Path("small.img"), 48 * kMiB);
    MustRun({"mkfs.ext4", "-q", "-m", "0", Path("small.img")});
    MustRun({"mount", "-o", "loop", Path("small.img"), Path("small")});
  }
  void TearDown() override {
    MustRun({"umount", Path("small")});
    DmSpaceTest::TearDown();
  }

  [[nodiscard]] std::size_t Available() const {
    struct statvfs space{};
    EXPECT_EQ(::statvfs(Path("small").c_str(), &space), 0);
    return space.f_bavail * space.f_frsize;
  }
};

// A guest that writes as long as it can, and a watcher that keeps its disk.
class HeldDiskTest : public SmallHostTest {
 protected:
  static constexpr WriteLease kMark{.mark = MiB(8)};
  static constexpr std::size_t kWriteEach = kMiB;

  void SetUp() override {
    SmallHostTest::SetUp();
    MakeImage(MiB(64));
    request_ = Request("a");
    request_.store = Path("small/a.cow");
    Ok({"cow", "create", request_.store, "--origin", image_});
    support::WriteFile(Path("small/ballast"), Pattern(12 * kMiB, 1));
    const auto disk = dm_->Attach(request_);
    ASSERT_TRUE(Succeeds(disk));
    path_ = disk->path;
    keeper_ = std::make_unique<DmBackend>(
        DmPorts{.devices = devices_, .loops = loops_, .holders = holders_}, dm_->place());
  }
  // Between two writes the watcher has looked: it may be slow, as long as the mark is larger than
  // what is written meanwhile.
  void WriteAndKeepUntilHeld() {
    guest_ = std::thread([this] {
      for (std::size_t at = 0; at < fresh_.size() && error_ == 0; at += kWriteEach) {
        error_ = Write(path_, at, std::string_view(fresh_).substr(at, kWriteEach));
        if (error_ == 0) written_ = at + kWriteEach;
        const std::uint64_t before = looks_;
        while (watched_ && looks_ < before + 2) std::this_thread::yield();
      }
    });
    bool held = false;
    while (!held && error_ == 0 && written_ < fresh_.size()) {
      const auto kept = keeper_->Keep(path_, kMark);
      EXPECT_TRUE(Succeeds(kept));
      held = kept && kept->writers == Writers::kHeld;
      ++looks_;
    }
    watched_ = false;  // the guest goes on, into the held disk
    EXPECT_TRUE(held);
    EXPECT_LT(written_, fresh_.size());
    EXPECT_GT(Available(), 0U);
    EXPECT_EQ(error_, 0);
    EXPECT_EQ(ConditionAt(path_), StoreCondition::kGood);
  }
  void ExpectAllIsWritten() {
    guest_.join();
    EXPECT_EQ(error_, 0);
    EXPECT_EQ(written_, fresh_.size());
    EXPECT_TRUE(Read(path_, 0, fresh_.size()) == fresh_);
    const auto kept = keeper_->Keep(path_, {.mark = Bytes(0)});
    ASSERT_TRUE(Succeeds(kept));
    EXPECT_GE(kept->counters.bytes_written, Bytes(fresh_.size()));
    Detach(*dm_, path_);
    Ok({"cow", "check", request_.store, "--origin", image_});
  }

  DiskRequest request_;
  std::string path_;
  std::unique_ptr<DmBackend> keeper_;
  std::string fresh_ = Pattern(32 * kMiB, 9);
  std::atomic<std::size_t> written_ = 0;
  std::atomic<std::uint64_t> looks_ = 0;
  std::atomic<bool> watched_ = true;
  std::atomic<int> error_ = 0;
  std::thread guest_;
};

TEST_F(HeldDiskTest, ADiskIsHeldBeforeItsHostIsFullAndLosesNothing) {
  WriteAndKeepUntilHeld();
  std::filesystem::remove(Path("small/ballast"));
  EXPECT_EQ(keeper_->Keep(path_, kMark)->writers, Writers::kGoOn);
  ExpectAllIsWritten();
}

TEST_F(HeldDiskTest, WhereItsKeeperDiedTheNextCommandLetsItGo) {
  WriteAndKeepUntilHeld();
  Ok({"gc"});
  EXPECT_EQ(keeper_->Keep(path_, kMark)->writers, Writers::kHeld) << "gc leaves the living alone";
  std::filesystem::remove(Path("small/ballast"));
  keeper_.reset();
  Ok({"gc"});
  keeper_ = std::make_unique<DmBackend>(
      DmPorts{.devices = devices_, .loops = loops_, .holders = holders_}, dm_->place());
  ExpectAllIsWritten();
}

}  // namespace
}  // namespace veneer::kernel_test
