// How a mounted disk comes to its end, and who has it open until then.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <vector>

#include "export/fuse/fuse_export_fixture.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/wait_until.h"
#include "kernel/testing/mount_namespace.h"

namespace veneer {
namespace {

class FuseMountTest : public FuseExportTest {};

TEST_F(FuseMountTest, UnmountingEndsItAndUncoversTheFile) {
  Mount();
  EXPECT_EQ(
      With(O_RDONLY,
           [&](int) { return LinuxMounts().Unmount(path_, UnmountMode::kNormal).error().kind; }),
      ErrorKind::kConflict);
  EXPECT_FALSE(Ended(0));
  ASSERT_TRUE(Unmount());
  EXPECT_TRUE(Ended(kAMinute));
  EXPECT_EQ(std::filesystem::file_size(path_), 6U);
}

TEST_F(FuseMountTest, ItKnowsWhetherTheFileIsOpenOrMapped) {
  Mount();
  EXPECT_FALSE(export_->IsOpen());
  const auto is_closed = [&] {
    return WaitUntil(std::chrono::minutes(1), [&] { return !export_->IsOpen(); });
  };
  EXPECT_TRUE(With(O_RDONLY, [&](int) { return export_->IsOpen(); }));
  EXPECT_TRUE(is_closed());
  void* const mapping =
      With(O_RDONLY, [&](int fd) { return ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0); });
  ASSERT_NE(mapping, MAP_FAILED);
  // One that is opened and closed after it: the answers come in this order.
  With(O_RDONLY, [&](int) { return 0; });
  EXPECT_TRUE(export_->IsOpen());
  ::munmap(mapping, 4096);
  EXPECT_TRUE(is_closed());
}

TEST_F(FuseMountTest, DroppingItWhileTheFileIsOpenCutsTheUserOff) {
  Mount();
  const int fd = client_->Run([&] { return ::open(path_.c_str(), O_RDWR | O_CLOEXEC); });
  export_.reset();
  EXPECT_EQ(client_->Run([&] { return ErrorOf([&] { return ::pwrite(fd, "x", 1, 0); }); }),
            ENOTCONN);
  client_->Run([&] { ::close(fd); });
}

TEST_F(FuseMountTest, ACopyOfTheMountInAnotherNamespaceEndsWithAbort) {
  if (!testing::HostHasPrivateMounts()) GTEST_SKIP() << testing::kNoPrivateMounts;
  Mount();
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // It must not hold the server's end of the connection.
    ::close_range(3, static_cast<unsigned>(ready[1]) - 1, 0);
    ::close_range(static_cast<unsigned>(ready[1]) + 1, ~0U, 0);
    const bool done = testing::EnterMountNamespace();
    if (::write(ready[1], done ? "y" : "n", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char answer = 'n';
  EXPECT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_TRUE(Unmount());
  EXPECT_FALSE(Ended(100));
  EXPECT_TRUE(export_->Abort());
  EXPECT_TRUE(Ended(kAMinute));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FuseMountTest, ALoopDeviceOnItIsABlockDevice) {
  Mount();
  LinuxLoopControl loops;
  const LoopDevice device = client_->Run([&] { return loops.Attach(path_, {}).value(); });
  EXPECT_TRUE(device.direct);
  client_->Run([&] {
    const UniqueFd fd(::open(device.path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::pwrite(fd.get(), "block", 5, 4096), 5);
    EXPECT_EQ(::fsync(fd.get()), 0);
  });
  EXPECT_EQ(ReadDisk(4096, 6), (std::vector<char>{'b', 'l', 'o', 'c', 'k', 'o'}));
  const auto found = client_->Run([&] { return loops.Find(export_->identity(), path_).value(); });
  EXPECT_EQ(found.size(), 1U);
  EXPECT_TRUE(client_->Run([&] { return loops.Detach(device, OnWriteError::kKeep); }));
  EXPECT_TRUE(Unmount());
  EXPECT_TRUE(Ended(kAMinute));
}

TEST_F(FuseMountTest, APathThatCannotBeMountedOnIsAnError) {
  Mount();
  const auto other = FuseExport::Mount(*disk_, {.path = directory_ / "no", .source = "x"});
  EXPECT_EQ(other.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
