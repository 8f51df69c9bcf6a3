// Stores and hosts that run full under the kernel's snapshots.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/statvfs.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
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

TEST_F(SmallHostTest, ADiskIsSuspendedBeforeItsHostIsFullAndLosesNothing) {
  constexpr std::size_t kReserve = 8 * kMiB;
  constexpr std::size_t kWriteEach = kMiB;
  MakeImage(MiB(64));
  DiskRequest request = Request("a");
  request.store = Path("small/a.cow");
  Ok({"cow", "create", request.store, "--origin", image_});
  support::WriteFile(Path("small/ballast"), Pattern(12 * kMiB, 1));
  const auto disk = dm_->Attach(request);
  ASSERT_TRUE(Succeeds(disk));
  const std::string fresh = Pattern(32 * kMiB, 9);
  std::atomic<std::size_t> written = 0;
  std::atomic<std::uint64_t> looks = 0;
  std::atomic<bool> watched = true;
  std::atomic<int> error = 0;
  // Between two writes the watcher has looked: it may be slow, as long as the reserve is larger
  // than what is written meanwhile.
  std::thread guest([&] {
    for (std::size_t at = 0; at < fresh.size() && error == 0; at += kWriteEach) {
      error = Write(disk->path, at, std::string_view(fresh).substr(at, kWriteEach));
      if (error == 0) written = at + kWriteEach;
      const std::uint64_t before = looks;
      while (watched && looks < before + 2) std::this_thread::yield();
    }
  });
  while (Available() >= kReserve && error == 0 && written < fresh.size()) {
    ++looks;
    std::this_thread::yield();
  }
  EXPECT_TRUE(Succeeds(dm_->Suspend(disk->path)));
  watched = false;  // the guest goes on, into the held disk
  EXPECT_LT(written, fresh.size());
  EXPECT_GT(Available(), 0U);
  EXPECT_EQ(error, 0);
  EXPECT_EQ(ConditionAt(disk->path), StoreCondition::kGood);
  std::filesystem::remove(Path("small/ballast"));
  EXPECT_TRUE(Succeeds(dm_->Resume(disk->path)));
  guest.join();
  EXPECT_EQ(error, 0);
  EXPECT_EQ(written, fresh.size());
  EXPECT_TRUE(Read(disk->path, 0, fresh.size()) == fresh);
  Detach(*dm_, disk->path);
  Ok({"cow", "check", request.store, "--origin", image_});
}

}  // namespace
}  // namespace veneer::kernel_test
