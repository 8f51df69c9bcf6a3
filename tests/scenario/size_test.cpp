// Disks that are larger than their image, and stores that fill up and grow.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

using nlohmann::json;
using support::Outcome;
using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kChunk = 4096;

class SizeTest : public ScenarioTest {
 protected:
  // An image of `image` bytes, its first MiB full of 'o', and a store with these options for it.
  void MakeDiskOf(std::size_t image, const std::vector<std::string>& options) {
    support::WriteFile(origin_, std::string(std::min(image, kMiB), 'o'));
    std::filesystem::resize_file(origin_, image);
    std::vector<std::string> create{"cow", "create", store_, "--origin", origin_};
    create.insert(create.end(), options.begin(), options.end());
    Ok(create);
  }
  json FillOf(const std::string& path) const {
    return json::parse(Ok({"cow", "fill", path, "--json"}), nullptr, false);
  }
  json Grow(const std::string& path, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> grow{"cow", "grow", path, "--json"};
    grow.insert(grow.end(), options.begin(), options.end());
    return json::parse(Ok(grow), nullptr, false);
  }
  // What flatten makes of the store is what the disk showed.
  void ExpectFlat(const std::string& sha256) const {
    Ok({"cow", "flatten", store_, "--origin", origin_, "--output", Path("flat.img")});
    EXPECT_EQ(support::Sha256(Path("flat.img")), sha256);
  }
};

// Writes chunks of 'A', each durable, from the chunk `first` on until one fails; its number.
struct Stop {
  std::size_t chunk = 0;
  int error = 0;
};
Stop WriteChunks(const std::string& path, std::size_t first, std::size_t end) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const std::vector<char> data(kChunk, 'A');
  for (std::size_t chunk = first; chunk < end; ++chunk) {
    const auto at = static_cast<off_t>(chunk * kChunk);
    if (::pwrite(fd.get(), data.data(), kChunk, at) != static_cast<ssize_t>(kChunk) ||
        ::fsync(fd.get()) != 0) {
      return {.chunk = chunk, .error = errno};
    }
  }
  return {.chunk = end, .error = 0};
}

TEST_F(SizeTest, ALargerDiskIsZerosBehindItsImage) {
  // Neither a whole chunk nor a whole sector.
  MakeDiskOf(3 * kMiB + 777, {"--size", "8M"});
  const Attached disk = Attach(Path("disk"));
  std::string expected = std::string(kMiB, 'o') + std::string(7 * kMiB, '\0');
  EXPECT_EQ(support::ReadFile(disk.path), expected);
  // Over the border, and at the very end.
  for (const std::size_t at : {3 * kMiB + 700, 8 * kMiB - 100}) {
    const UniqueFd fd(::open(disk.path.c_str(), O_RDWR | O_CLOEXEC));
    const std::string text(100, 'w');
    ASSERT_EQ(::pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(at)), 100);
    expected.replace(at, text.size(), text);
  }
  EXPECT_EQ(support::ReadFile(disk.path), expected);
  const std::string shown = support::Sha256(disk.path);
  Detach(disk.path);
  ExpectStoreIsSound();
  ExpectFlat(shown);
  Attach(Path("disk"), {"--read-only"});
  EXPECT_EQ(support::ReadFile(Path("disk")), expected);
  Detach(Path("disk"));
}

TEST_F(SizeTest, AFileSystemFillsADiskLargerThanItsImage) {
  support::MakeZeros(origin_, 16 * kMiB);
  MustRun({"mkfs.ext4", "-q", "-F", origin_});
  Ok({"cow", "create", store_, "--origin", origin_, "--size", "64M"});
  const Attached disk = Attach(Path("disk"), {"--block"});
  EXPECT_EQ(MustRun({"blockdev", "--getsize64", disk.device}), "67108864\n");
  MustRun({"e2fsck", "-fp", disk.device});
  MustRun({"resize2fs", disk.device});
  std::filesystem::create_directory(Path("mnt"));
  MustRun({"mount", disk.device, Path("mnt")});
  support::WriteFile(Path("mnt/large"), std::string(40 * kMiB, 'x'));
  MustRun({"umount", Path("mnt")});
  const std::string shown = support::Sha256(disk.device);
  Detach(disk.device);
  ExpectStoreIsSound();
  ExpectFlat(shown);
  MustRun({"e2fsck", "-fn", Path("flat.img")});
  const Attached again = Attach(Path("disk"), {"--block"});
  MustRun({"mkfs.ext4", "-q", "-F", again.device});
  MustRun({"e2fsck", "-fn", again.device});
  Detach(again.device);
  ExpectStoreIsSound();
}

TEST_F(SizeTest, AnImageOfAnotherSizeIsRefused) {
  MakeDiskOf(2 * kMiB, {"--size", "8M"});
  for (const std::size_t size : {2 * kMiB - 512, 2 * kMiB + 512, 8 * kMiB}) {
    std::filesystem::resize_file(origin_, size);
    const Outcome attach = Veneer(AttachCommand(Path("disk")));
    EXPECT_EQ(attach.status, 6) << size;
    EXPECT_THAT(ComplaintOf(attach).message, HasSubstr("made for an origin of 2097152 bytes"));
  }
  EXPECT_FALSE(std::filesystem::exists(Path("disk")));
}

class GrowTest : public SizeTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(GrowTest, AFullStoreGrowsWhileTheDiskIsInUse) {
  MakeDiskOf(2 * kMiB, {"--size", "4M", "--max-change", "1M"});
  std::vector<std::string> options;
  if (std::string(GetParam()) == "block") options = {"--block"};
  const Attached disk = Attach(Path("disk"), options);
  EXPECT_EQ(FillOf(disk.target()), json({{"path", disk.target()},
                                         {"condition", "good"},
                                         {"used_bytes", 2 * kChunk},
                                         {"capacity_bytes", 259 * kChunk},
                                         {"fill", 2.0 / 259}}));
  const Stop full = WriteChunks(disk.path, 0, 1024);
  EXPECT_EQ(full.error, ENOSPC);
  EXPECT_EQ(full.chunk, 256U);
  EXPECT_EQ(FillOf(disk.path).at("condition"), "overflow");
  EXPECT_THAT(Ok({"cow", "fill", disk.path}), HasSubstr("'veneer cow grow' makes room"));
  EXPECT_EQ(FillOf(disk.path).at("fill"), 1.0);

  const json grown = Grow(disk.target(), {"--max-change", "2M"});
  EXPECT_EQ(grown.at("condition"), "good");
  EXPECT_EQ(grown.at("capacity_bytes"), (512 + 2 + 2) * kChunk);
  const Stop fuller = WriteChunks(disk.path, full.chunk, 1024);
  EXPECT_EQ(fuller.error, ENOSPC);
  EXPECT_EQ(fuller.chunk, 512U);

  EXPECT_EQ(Grow(disk.path).at("capacity_bytes"), (1024 + 4 + 2) * kChunk);
  EXPECT_EQ(Grow(disk.path, {"--max-change", "1M"}).at("capacity_bytes"), (1024 + 4 + 2) * kChunk)
      << "a store never gets smaller";
  EXPECT_EQ(WriteChunks(disk.path, fuller.chunk, 1024).error, 0);
  EXPECT_EQ(FillOf(disk.path).at("condition"), "good") << "there is nothing left to change";
  EXPECT_EQ(support::ReadFile(disk.path), std::string(4 * kMiB, 'A'));
  const std::string shown = support::Sha256(disk.target());
  Detach(disk.target());
  ExpectStoreIsSound();
  ExpectFlat(shown);
}

INSTANTIATE_TEST_SUITE_P(As, GrowTest, ::testing::Values("file", "block"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST_F(SizeTest, AFullStoreGrowsWhileItIsDetached) {
  MakeDiskOf(4 * kMiB, {"--max-change", "64K"});
  Attach(Path("disk"));
  EXPECT_EQ(WriteChunks(Path("disk"), 0, 1024).chunk, 16U);
  const Outcome by_store = Veneer({"cow", "grow", store_, "--json"});
  EXPECT_EQ(by_store.status, 4);
  EXPECT_THAT(ComplaintOf(by_store).message, HasSubstr("the path that attach printed"));
  Detach(Path("disk"));
  EXPECT_EQ(FillOf(store_).at("condition"), "overflow");
  EXPECT_EQ(Grow(store_, {"--max-change", "128K"}).at("condition"), "good");
  Attach(Path("disk"));
  EXPECT_EQ(WriteChunks(Path("disk"), 16, 1024).chunk, 32U);
  EXPECT_EQ(support::ReadHead(Path("disk"), 32 * kChunk), std::string(32 * kChunk, 'A'));
  Detach(Path("disk"));
  ExpectStoreIsSound();
}

TEST_F(SizeTest, AReadOnlyDiskTellsItsFillAndDoesNotGrow) {
  MakeDiskOf(4 * kMiB, {"--max-change", "64K"});
  const auto size = std::filesystem::file_size(store_);
  Attach(Path("disk"), {"--read-only"});
  EXPECT_EQ(FillOf(Path("disk")).at("condition"), "good");
  const Outcome grow = Veneer({"cow", "grow", Path("disk"), "--json"});
  EXPECT_EQ(grow.status, 2);
  EXPECT_THAT(ComplaintOf(grow).message, HasSubstr("read-only"));
  EXPECT_EQ(std::filesystem::file_size(store_), size);
  Detach(Path("disk"));
}

TEST_F(SizeTest, ADeadServersDiskSaysHowToCleanUp) {
  MakeDiskOf(4 * kMiB, {});
  Attach(Path("disk"));
  Kill(ServerOf(Path("disk")));
  for (const std::string verb : {"fill", "grow"}) {
    const Outcome asked = Veneer({"cow", verb, Path("disk"), "--json"});
    EXPECT_EQ(asked.status, 1);
    EXPECT_THAT(ComplaintOf(asked).message, HasSubstr("dead"));
    EXPECT_THAT(ComplaintOf(asked).message, HasSubstr("veneer cow detach " + Path("disk")));
  }
  Detach(Path("disk"));
}

}  // namespace
}  // namespace veneer::scenario
