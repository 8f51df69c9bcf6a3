// One store, two engines: what the kernel wrote ours reads, checks, flattens and continues, and the
// other way round.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <random>

#include "base/unique_fd.h"
#include "kernel/dm_host.h"

namespace veneer::kernel_test {
namespace {

constexpr std::size_t kPage = 4096;

class CrossedTest : public DmHost, public ::testing::WithParamInterface<const char*> {
 protected:
  // Attaches, compares with what is expected, writes at random, detaches, and compares again.
  void WriteWith(DiskBackend& backend, std::string& expected, unsigned seed) {
    const std::string path = Attach(backend, "a");
    EXPECT_EQ(Read(path, 0, expected.size()), expected);
    std::mt19937 random(seed);
    for (int write = 0; write < 60; ++write) {
      const std::size_t length = 1 + random() % (write % 10 == 0 ? 300'000 : 9000);
      const std::size_t at = random() % (expected.size() - length);
      const std::string data = Pattern(length, static_cast<unsigned>(random()));
      ASSERT_EQ(Write(path, at, data), 0);
      expected.replace(at, length, data);
    }
    EXPECT_EQ(Read(path, 0, expected.size()), expected);
    Detach(backend, path);
    EXPECT_EQ(Flattened("a"), expected);
  }
};

TEST_P(CrossedTest, TheEnginesContinueEachOthersStores) {
  MakeImage(MiB(9) + kSectorSize * 7);  // the last chunk is partial
  MakeStore("a", GetParam());
  std::string expected = support::ReadFile(image_);
  for (unsigned round = 0; round < 3; ++round) {
    WriteWith(*dm_, expected, 10 + round);
    WriteWith(*user_, expected, 20 + round);
  }
}

TEST_P(CrossedTest, OnADiskLargerThanItsImage) {
  MakeImage(MiB(3) + kSectorSize * 5);
  MakeStore("a", GetParam(), {"--size", "8M"});
  std::string expected = support::ReadFile(image_);
  expected.resize(MiB(8).value(), '\0');
  WriteWith(*dm_, expected, 1);
  WriteWith(*user_, expected, 2);
  WriteWith(*dm_, expected, 3);
}

INSTANTIATE_TEST_SUITE_P(Chunks, CrossedTest, ::testing::Values("4K", "8K", "64K", "1M"),
                         [](const auto& instance) { return instance.param; });

// Where the list of exceptions ends within an area, exactly with it, and one further.
class FullAreaTest : public DmHost, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(FullAreaTest, IsReadAndContinuedByTheOther) {
  const std::size_t exceptions = GetParam();
  for (const bool kernel_first : {true, false}) {
    MakeImage(MiB(4));
    MakeStore("a");
    DiskBackend& first = kernel_first ? static_cast<DiskBackend&>(*dm_) : *user_;
    DiskBackend& second = kernel_first ? static_cast<DiskBackend&>(*user_) : *dm_;
    std::string expected = support::ReadFile(image_);
    const std::string path = Attach(first, "a");
    // From the last chunk to the first: the list is in the order of the writes.
    for (std::size_t i = 0; i < exceptions; ++i) {
      const std::size_t at = expected.size() - (i + 1) * kPage;
      const std::string data = Pattern(kPage, static_cast<unsigned>(i));
      ASSERT_EQ(Write(path, at, data), 0);
      expected.replace(at, kPage, data);
    }
    Detach(first, path);
    EXPECT_EQ(Flattened("a"), expected);
    EXPECT_NE(Ok({"cow", "info", StoreOf("a"), "--json"})
                  .find(fmt::format("\"exceptions\":{}", exceptions)),
              std::string::npos);
    const std::string again = Attach(second, "a");
    EXPECT_EQ(Read(again, 0, expected.size()), expected);
    const std::string data = Pattern(3 * kPage, 99);
    ASSERT_EQ(Write(again, 0, data), 0);
    expected.replace(0, data.size(), data);
    Detach(second, again);
    EXPECT_EQ(Flattened("a"), expected);
    std::filesystem::remove(StoreOf("a"));
  }
}

INSTANTIATE_TEST_SUITE_P(Exceptions, FullAreaTest,
                         ::testing::Values(std::size_t{255}, std::size_t{256}, std::size_t{257},
                                           std::size_t{512}, std::size_t{513}));

class DiscardTest : public DmHost {
 protected:
  static int Discard(const std::string& device, std::uint64_t at, std::uint64_t length) {
    const UniqueFd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    std::uint64_t range[2] = {at, length};
    return ::ioctl(fd.get(), BLKDISCARD, &range) == 0 ? 0 : errno;
  }

  [[nodiscard]] std::uint64_t BlocksOf(const std::string& path) const {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
};

TEST_F(DiscardTest, OfTheKernelGivesBlocksBackAndReadsAsZerosForBoth) {
  MakeImage(MiB(4));
  MakeStore("a");
  std::string expected = support::ReadFile(image_);
  std::string path = Attach(*dm_, "a");
  ASSERT_EQ(Write(path, 0, Pattern(MiB(2).value(), 2)), 0);
  expected.replace(0, MiB(2).value(), Pattern(MiB(2).value(), 2));
  const std::uint64_t before = BlocksOf(StoreOf("a"));
  ASSERT_EQ(Discard(path, KiB(512).value(), MiB(1).value()), 0);
  expected.replace(KiB(512).value(), MiB(1).value(), MiB(1).value(), '\0');
  EXPECT_EQ(Read(path, 0, expected.size()), expected);
  Detach(*dm_, path);
  EXPECT_LE(BlocksOf(StoreOf("a")), before - MiB(1).value() + KiB(64).value());
  EXPECT_EQ(Flattened("a"), expected);
  path = Attach(*user_, "a");
  EXPECT_EQ(Read(path, 0, expected.size()), expected);
  ASSERT_EQ(Write(path, KiB(600).value(), "written again"), 0);
  expected.replace(KiB(600).value(), 13, "written again");
  Detach(*user_, path);
  path = Attach(*dm_, "a");
  EXPECT_EQ(Read(path, 0, expected.size()), expected);
  Detach(*dm_, path);
}

}  // namespace
}  // namespace veneer::kernel_test
