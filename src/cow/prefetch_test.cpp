#include "cow/prefetch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/uio.h>

#include <array>
#include <vector>

#include "cow/cow_disk.h"
#include "cow/create.h"
#include "format/geometry.h"
#include "kernel/linux/wait_until.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

// Whether the page at `at` can be had without waiting for the disk.
bool IsInMemory(const LinuxFile& file, ByteOffset at) {
  std::array<std::byte, 16> bytes{};
  const iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
  return ::preadv2(file.fd().get(), &part, 1, static_cast<off_t>(at.value()), RWF_NOWAIT) > 0;
}

TEST(Prefetch, AsksForEveryAreaInUse) {
  const testing::TempDirectory directory;
  const std::string origin = directory / "origin";
  const std::string store = directory / "store";
  testing::MakeFile(origin, MiB(4));
  ASSERT_TRUE(CreateStore(store, {.chunk_size = {}, .origin_size = MiB(4), .max_change = {}}));
  {
    auto disk =
        CowDisk::Open(LinuxFile::Open(origin, Access::kReadOnly).value(),
                      LinuxFile::Open(store, Access::kReadWrite).value(), DiskAccess::kReadWrite)
            .value();
    ASSERT_TRUE(disk->Write(ByteOffset(0), std::vector<std::byte>(MiB(3).value(), std::byte{7})));
    ASSERT_TRUE(disk->Flush());
  }
  const auto file = LinuxFile::Open(store, Access::kReadOnly).value();
  const Geometry geometry{ChunkSize()};
  const ByteOffset third = geometry.OffsetOf(geometry.AreaChunk(2));
  ::posix_fadvise(file->fd().get(), 0, 0, POSIX_FADV_DONTNEED);
  if (IsInMemory(*file, third)) GTEST_SKIP() << "this file system keeps files in memory";
  PrefetchExceptions(*file);
  EXPECT_TRUE(WaitUntil(std::chrono::seconds(30), [&] { return IsInMemory(*file, third); }));
}

TEST(Prefetch, AFileThatIsNoStoreIsLeftAlone) {
  const testing::TempDirectory directory;
  testing::MakeFile(directory / "empty", Bytes(0));
  PrefetchExceptions(*LinuxFile::Open(directory / "empty", Access::kReadOnly).value());
}

}  // namespace
}  // namespace veneer
