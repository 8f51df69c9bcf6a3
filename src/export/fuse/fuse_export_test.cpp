#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>
#include <vector>

#include "cow/store_info.h"
#include "export/fuse/fuse_export_fixture.h"

namespace veneer {
namespace {

TEST_F(FuseExportTest, TheFileIsTheDisk) {
  Mount();
  struct stat status{};
  ASSERT_EQ(client_->Run([&] { return ::stat(path_.c_str(), &status); }), 0);
  EXPECT_TRUE(S_ISREG(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kSize.value()));
  EXPECT_EQ(export_->identity(), (FileIdentity{status.st_dev, status.st_ino}));
  EXPECT_EQ(ReadFile(MiB(1).value() - 3, 6), (std::vector<char>{'o', 'o', 'o', 0, 0, 0}));
  EXPECT_EQ(ReadFile(static_cast<off_t>(kSize.value()) - 2, 100).size(), 2U);
  const auto entry = LinuxMounts().At(path_).value();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->type, "fuse.veneer");
  EXPECT_EQ(entry->source, "a,b\\c.sock");
}

TEST_F(FuseExportTest, WhatIsWrittenIsOnTheDiskAtOnce) {
  Mount();
  const auto data = Filled(300'000, 'w');
  EXPECT_EQ(WriteFile(12'345, data), 300'000);
  EXPECT_EQ(ReadDisk(12'345, data.size()), data);
  EXPECT_EQ(ReadFile(12'344, 2), (std::vector<char>{'o', 'w'}));
}

TEST_F(FuseExportTest, DirectAndBufferedAccessSeeEachOther) {
  Mount();
  const std::size_t size = 1U << 20U;
  EXPECT_EQ(ReadFile(0, size), Filled(size, 'o'));  // in the page cache from here on
  client_->Run([&] {
    alignas(4096) static std::array<char, 1U << 20U> buffer;
    buffer.fill('d');
    const UniqueFd fd(::open(path_.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
    EXPECT_EQ(::pwrite(fd.get(), buffer.data(), size, 0), static_cast<ssize_t>(size));
  });
  EXPECT_EQ(ReadFile(0, size), Filled(size, 'd'));
  EXPECT_EQ(WriteFile(0, Filled(8192, 'b')), 8192);
  EXPECT_EQ(ReadDisk(0, 8193).back(), 'd');
  EXPECT_EQ(ReadDisk(0, 8192), Filled(8192, 'b'));
}

TEST_F(FuseExportTest, TheKernelKeepsNoPagesBesideThoseOfTheImage) {
  Mount();
  for (std::uint64_t times = 1; times <= 3; ++times) {
    EXPECT_EQ(ReadFile(0, 4096), Filled(4096, 'o'));
    EXPECT_EQ(disk_->counters().reads, times);
  }
}

TEST_F(FuseExportTest, FsyncFlushesTheDisk) {
  Mount();
  EXPECT_EQ(WriteFile(0, Filled(4096, 'f')), 4096);
  const auto before = disk_->counters().flushes;
  EXPECT_EQ(With(O_RDWR, [](int fd) { return ::fsync(fd); }), 0);
  EXPECT_EQ(With(O_RDWR, [](int fd) { return ::fdatasync(fd); }), 0);
  EXPECT_EQ(disk_->counters().flushes, before + 2);
}

TEST_F(FuseExportTest, AReadOnlyDiskCannotBeOpenedForWriting) {
  Mount(DiskAccess::kReadOnly);
  const auto open = [&](int flags) {
    return client_->Run([&] {
      return ErrorOf([&] { return UniqueFd(::open(path_.c_str(), flags | O_CLOEXEC)).get(); });
    });
  };
  EXPECT_EQ(open(O_RDWR), EROFS);
  EXPECT_EQ(open(O_WRONLY), EROFS);
  EXPECT_EQ(ReadFile(0, 2), Filled(2, 'o'));
  EXPECT_EQ(With(O_RDONLY, [](int fd) { return ::fsync(fd); }), 0);
}

TEST_F(FuseExportTest, TheSizeOfADiskDoesNotChange) {
  Mount();
  const auto truncate = [&](Bytes size) {
    return With(O_RDWR, [&](int fd) {
      return ErrorOf([&] { return ::ftruncate(fd, static_cast<off_t>(size.value())); });
    });
  };
  EXPECT_EQ(truncate(MiB(1)), EPERM);
  EXPECT_EQ(truncate(MiB(9)), EPERM);
  EXPECT_EQ(truncate(kSize), 0);
  EXPECT_EQ(client_->Run([&] {
    return ErrorOf([&] { return UniqueFd(::open(path_.c_str(), O_RDWR | O_TRUNC)).get(); });
  }),
            EPERM);
  EXPECT_EQ(ReadFile(0, 2), Filled(2, 'o'));
}

TEST_F(FuseExportTest, AWriteEndsWhereTheDiskEnds) {
  Mount();
  const auto end = static_cast<off_t>(kSize.value());
  EXPECT_EQ(WriteFile(end - 10, Filled(100, 'e')), 10);
  EXPECT_EQ(
      With(O_RDWR, [&](int fd) { return ErrorOf([&] { return ::pwrite(fd, "x", 1, end); }); }),
      ENOSPC);
  struct stat status{};
  ASSERT_EQ(client_->Run([&] { return ::stat(path_.c_str(), &status); }), 0);
  EXPECT_EQ(status.st_size, end);
}

TEST_F(FuseExportTest, HolesAndZeroRangesReadAsZeros) {
  Mount();
  EXPECT_EQ(ReadFile(0, 4096), Filled(4096, 'o'));
  const auto allocate = [&](int mode, off_t at, off_t length) {
    return With(O_RDWR,
                [&](int fd) { return ErrorOf([&] { return ::fallocate(fd, mode, at, length); }); });
  };
  EXPECT_EQ(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 9000), 0);
  EXPECT_EQ(ReadFile(99, 9002).front(), 'o');
  EXPECT_EQ(ReadFile(100, 9000), Filled(9000, 0));
  EXPECT_EQ(ReadFile(9100, 1), Filled(1, 'o'));
  EXPECT_EQ(allocate(FALLOC_FL_ZERO_RANGE, 20'000, 4096), 0);
  EXPECT_EQ(ReadDisk(20'000, 4096), Filled(4096, 0));
  const auto end = static_cast<off_t>(kSize.value());
  EXPECT_EQ(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, end - 4096, 1 << 20), 0);
  EXPECT_EQ(allocate(FALLOC_FL_ZERO_RANGE, end - 4096, 1 << 20), EOPNOTSUPP);
  EXPECT_EQ(allocate(0, 0, 4096), EOPNOTSUPP);
  EXPECT_EQ(allocate(FALLOC_FL_KEEP_SIZE, 0, 4096), EOPNOTSUPP);
}

TEST_F(FuseExportTest, DataAndHolesCanBeSoughtFor) {
  Mount();
  const off_t data_end = 1 << 20;  // the origin's
  const off_t end = static_cast<off_t>(kSize.value());
  const auto seek = [&](off_t at, int whence) {
    return With(O_RDONLY, [&](int fd) { return ::lseek(fd, at, whence); });
  };
  EXPECT_EQ(seek(5000, SEEK_DATA), 5000);
  EXPECT_EQ(seek(0, SEEK_HOLE), data_end);
  EXPECT_EQ(seek(data_end, SEEK_DATA), -1);
  EXPECT_EQ(WriteFile(2 << 20, Filled(4096, 's')), 4096);
  EXPECT_EQ(seek(data_end, SEEK_DATA), 2 << 20);
  EXPECT_EQ(seek(2 << 20, SEEK_HOLE), (2 << 20) + 4096);
  EXPECT_EQ(seek((3 << 20) + 5, SEEK_HOLE), (3 << 20) + 5);
  EXPECT_EQ(seek(end, SEEK_HOLE), -1);
}

TEST_F(FuseExportTest, OwnerAndModeCanBeGivenToAnotherUser) {
  Mount();
  struct stat status{};
  client_->Run([&] {
    EXPECT_EQ(::chmod(path_.c_str(), 0640), 0);
    EXPECT_EQ(::chown(path_.c_str(), 123, 456), 0);
    EXPECT_EQ(::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0), 0);
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
  });
  EXPECT_EQ(status.st_mode, S_IFREG | 0640U);
  EXPECT_EQ(status.st_uid, 123U);
  EXPECT_EQ(status.st_gid, 456U);
}

TEST_F(FuseExportTest, TheFileSystemHasBlocksOfOneChunk) {
  Mount();
  struct statvfs status{};
  ASSERT_EQ(client_->Run([&] { return ::statvfs(path_.c_str(), &status); }), 0);
  EXPECT_EQ(status.f_bsize, disk_->chunk_size().value());
  EXPECT_EQ(status.f_blocks, 1025U);
}

TEST_F(FuseExportTest, ManyUsersWriteAtOnce) {
  Mount();
  const auto user = [&](int index) {
    const auto thread = IsolatedThread::Start().value();
    thread->Run([&] {
      const UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
      const auto data = Filled(1000, static_cast<char>('A' + index));
      for (off_t n = index; n < 800; n += 8) {
        EXPECT_EQ(::pwrite(fd.get(), data.data(), data.size(), n * 1000), 1000);
      }
    });
  };
  std::vector<std::jthread> threads;
  threads.reserve(8);
  for (int index = 0; index < 8; ++index) threads.emplace_back(user, index);
  threads.clear();
  for (int n = 0; n < 800; ++n) {
    const auto at = static_cast<std::uint64_t>(n) * 1000;
    ASSERT_EQ(ReadDisk(at, 1000), Filled(1000, static_cast<char>('A' + n % 8))) << n;
  }
}

TEST_F(FuseExportTest, ASynchronousWriteIsDurableWhenItReturns) {
  Mount();
  const auto committed = [&] {
    return ReadStoreInfo(*LinuxFile::Open(store_, Access::kReadOnly).value()).value().exceptions;
  };
  const auto data = Filled(4096, 'w');
  ASSERT_EQ(WriteFile(0, data), 4096);
  EXPECT_EQ(committed(), 0U);
  ASSERT_EQ(WriteFile(8192, data, O_RDWR | O_DSYNC), 4096);
  EXPECT_EQ(committed(), 2U);
  ASSERT_EQ(WriteFile(16384, data, O_RDWR | O_SYNC), 4096);
  EXPECT_EQ(committed(), 3U);
  iovec part{.iov_base = const_cast<char*>(data.data()), .iov_len = data.size()};
  EXPECT_EQ(With(O_RDWR, [&](int fd) { return ::pwritev2(fd, &part, 1, 32768, RWF_DSYNC); }), 4096);
  EXPECT_EQ(committed(), 4U);
}

}  // namespace
}  // namespace veneer
