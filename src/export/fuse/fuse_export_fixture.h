// A small disk, mounted as a file, and a thread that may touch it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "cow/create.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/isolated_thread.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/testing/loop_host.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {

inline constexpr Bytes kSize = MiB(4) + Bytes(1536);  // the last chunk is a partial one

inline std::vector<char> Filled(std::size_t size, char value) {
  return std::vector<char>(size, value);
}

class FuseExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::HostHasFuseAndLoops()) GTEST_SKIP() << testing::kNoFuseAndLoops;
    // Everything that touches the mount is done there: this process serves it.
    client_ = IsolatedThread::Start().value();
    const auto origin = testing::MakeFile(origin_, kSize);
    const auto data = Filled(MiB(1).value(), 'o');
    ASSERT_TRUE(origin->WriteAt(ByteOffset(0), std::as_bytes(std::span(data))));
    ASSERT_TRUE(CreateStore(store_, {.chunk_size = {}, .origin_size = kSize, .max_change = {}}));
    const auto under = testing::MakeFile(path_, Bytes(0));
    ASSERT_TRUE(under->WriteAt(ByteOffset(0), std::as_bytes(std::span("under"))));
  }
  void TearDown() override {
    export_.reset();
    EXPECT_FALSE(LinuxMounts().At(path_).value());
  }

  void Mount(DiskAccess access = DiskAccess::kReadWrite) {
    const Access files = access == DiskAccess::kReadWrite ? Access::kReadWrite : Access::kReadOnly;
    disk_ = CowDisk::Open(LinuxFile::Open(origin_, Access::kReadOnly).value(),
                          LinuxFile::Open(store_, files).value(), access)
                .value();
    export_ = FuseExport::Mount(*disk_, {.path = path_, .source = "a,b\\c.sock"}).value();
  }

  // Runs `act` with the file open, in the thread that may touch it; gives what it returns.
  template <class Act>
  auto With(int flags, Act act) {
    return client_->Run([&] {
      const UniqueFd fd(::open(path_.c_str(), flags | O_CLOEXEC));
      EXPECT_TRUE(fd.valid()) << errno;
      return act(fd.get());
    });
  }
  std::vector<char> ReadFile(off_t at, std::size_t size, int flags = O_RDONLY) {
    std::vector<char> data(size);
    const ssize_t n =
        With(flags, [&](int fd) { return ::pread(fd, data.data(), data.size(), at); });
    data.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return data;
  }
  ssize_t WriteFile(off_t at, const std::vector<char>& data, int flags = O_RDWR) {
    return With(flags, [&](int fd) { return ::pwrite(fd, data.data(), data.size(), at); });
  }
  std::vector<char> ReadDisk(std::uint64_t at, std::size_t size) {
    std::vector<char> data(size);
    EXPECT_TRUE(disk_->Read(ByteOffset(at), std::as_writable_bytes(std::span(data))));
    return data;
  }
  Result<void> Unmount() {
    return client_->Run([&] { return LinuxMounts().Unmount(path_, UnmountMode::kNormal); });
  }
  bool Ended(int milliseconds) {
    pollfd poll{.fd = export_->ended().get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, milliseconds) == 1;
  }

  testing::TempDirectory directory_;
  std::string origin_ = directory_ / "origin";
  std::string store_ = directory_ / "store";
  std::string path_ = directory_ / "disk";
  std::unique_ptr<IsolatedThread> client_;
  std::unique_ptr<CowDisk> disk_;
  std::unique_ptr<FuseExport> export_;
};

inline constexpr int kAMinute = 60'000;  // milliseconds; what is waited for takes a few

// With the errno of a system call that is expected to fail, 0 where it does not.
template <class Call>
int ErrorOf(Call call) {
  return call() < 0 ? errno : 0;
}

}  // namespace veneer
