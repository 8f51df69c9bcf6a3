// The file system under a store is full: the writer is told, nothing breaks, and it goes on once
// there is room.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/unique_fd.h"
#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10U;

class FullHostTest : public ScenarioTest, public ::testing::WithParamInterface<const char*> {
 protected:
  // A small file system, of this kind, at Path("small").
  void MountSmall(const std::string& kind) {
    std::filesystem::create_directory(Path("small"));
    if (kind == "tmpfs") {
      MustRun({"mount", "-t", "tmpfs", "-o", "size=12M", "small", Path("small")});
      return;
    }
    support::MakeZeros(Path("small.img"), std::size_t{24} << 20U);
    MustRun({"mkfs.ext4", "-q", "-m", "0", Path("small.img")});
    MustRun({"mount", "-o", "loop", Path("small.img"), Path("small")});
  }
};

// Writes block after block of `value`, each made durable, until one fails; its number and errno.
struct Stop {
  int blocks = 0;
  int error = 0;
};
Stop WriteUntilItFails(const std::string& path, int first, int last, char value) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const std::vector<char> data(kBlock, value);
  for (int block = first; block < last; ++block) {
    const off_t at = static_cast<off_t>(block) * static_cast<off_t>(kBlock);
    if (::pwrite(fd.get(), data.data(), kBlock, at) != static_cast<ssize_t>(kBlock) ||
        ::fsync(fd.get()) != 0) {
      return {.blocks = block, .error = errno};
    }
  }
  return {.blocks = last, .error = 0};
}

void ExpectBlocks(const std::string& path, int count, char value) {
  const std::string head = support::ReadHead(path, static_cast<std::size_t>(count) * kBlock);
  EXPECT_EQ(head.find_first_not_of(value), std::string::npos);
  EXPECT_EQ(head.size(), static_cast<std::size_t>(count) * kBlock);
}

TEST_P(FullHostTest, AWriteGetsNoSpaceAndGoesOnOnceThereIsRoom) {
  MountSmall(GetParam());
  store_ = Path("small/disk.cow");
  MakeDisk(64);
  support::WriteFile(Path("small/filler"), std::string(std::size_t{5} << 20U, 'f'));
  Attach(Path("disk"));
  const Stop full = WriteUntilItFails(Path("disk"), 0, 1000, 'A');
  EXPECT_EQ(full.error, ENOSPC);
  ASSERT_GT(full.blocks, 0);
  ASSERT_LT(full.blocks, 1000);
  ExpectBlocks(Path("disk"), full.blocks, 'A');
  // Whatever a reader sees of it now: it is a sound store.
  Ok({"cow", "info", store_});
  std::filesystem::remove(Path("small/filler"));
  const Stop done = WriteUntilItFails(Path("disk"), full.blocks, full.blocks + 16, 'A');
  EXPECT_EQ(done.error, 0);
  ExpectBlocks(Path("disk"), full.blocks + 16, 'A');
  Detach(Path("disk"));
  ExpectStoreIsSound();
  Attach(Path("disk"), {"--read-only"});
  ExpectBlocks(Path("disk"), full.blocks + 16, 'A');
  Detach(Path("disk"));
  MustRun({"umount", Path("small")});
}

// What a clone shares is written elsewhere, for which a full host has no room: the write takes it,
// so that the flush does not need it.
TEST_F(ScenarioTest, AFirstWriteAfterACloneTakesABlockForTheListThatNobodyShares) {
  std::filesystem::create_directory(Path("fs"));
  support::MakeZeros(Path("fs.img"), std::size_t{320} << 20U);
  MustRun({"mkfs.xfs", "-q", "-m", "reflink=1", Path("fs.img")});
  MustRun({"mount", "-o", "loop", Path("fs.img"), Path("fs")});
  store_ = Path("fs/disk.cow");
  MakeDisk(4);
  // Whether an extent of the file begins with the list, and what is said of it.
  const auto list = [&] {
    return support::Run({"sh", "-c", R"(filefrag -v -b4096 "$1" | grep -E '^ +[0-9]+: +1\.\.')",
                         "sh", store_})
        .out;
  };
  Attach(Path("disk"));
  EXPECT_EQ(WriteUntilItFails(Path("disk"), 0, 1, 'A').error, 0);
  Detach(Path("disk"));
  MustRun({"cp", "--reflink=always", store_, Path("fs/clone")});
  EXPECT_EQ(list(), "") << "shared, as the header before it";
  Attach(Path("disk"));
  MustRun(
      {"dd", "if=/dev/zero", "of=" + Path("disk"), "bs=4K", "seek=100", "count=1", "conv=notrunc"});
  const std::string own = list();
  EXPECT_NE(own, "");
  EXPECT_FALSE(own.contains("shared")) << own;
  Detach(Path("disk"));
  MustRun({"umount", Path("fs")});
}

INSTANTIATE_TEST_SUITE_P(FileSystems, FullHostTest, ::testing::Values("tmpfs", "ext4"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace veneer::scenario
