#include "kernel/linux/linux_holders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "kernel/linux/linux_loop_control.h"
#include "kernel/testing/loop_host.h"
#include "kernel/testing/mount_namespace.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A process that does `act`, and then stays until this object goes.
class Process {
 public:
  template <class Act>
  explicit Process(Act act) {
    std::array<int, 2> ready{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      const bool done = act();
      if (::write(ready[1], done ? "y" : "n", 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    const UniqueFd from(ready[0]);
    ::close(ready[1]);
    char answer = 'n';
    ready_ = ::read(from.get(), &answer, 1) == 1 && answer == 'y';
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  bool ready_ = false;
};

class LinuxHoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::HostHasLoops()) GTEST_SKIP() << "needs root and loop devices";
    file_ = testing::MakeFile(path_, MiB(16));
    identity_ = file_->Identity().value();
  }
  void TearDown() override {
    if (file_) testing::FreeLoopsOn(loops_, identity_, path_);
  }
  std::string OfFile() { return DescribeHolders(holders_.OfFile(identity_, path_)); }
  std::string OfDevice(const LoopDevice& device) {
    return DescribeHolders(holders_.OfBlockDevice(device.path, device.device));
  }

  testing::TempDirectory directory_;
  std::string path_ = directory_ / "disk";
  std::unique_ptr<LinuxFile> file_;
  FileIdentity identity_;
  LinuxLoopControl loops_{std::chrono::milliseconds(200)};
  LinuxHolders holders_{loops_};
};

TEST_F(LinuxHoldersTest, TheCallerDoesNotCount) {
  EXPECT_THAT(holders_.OfFile(identity_, path_), IsEmpty());
}

TEST_F(LinuxHoldersTest, AnOpenDescriptorNamesItsProcess) {
  const Process process([&] { return ::open(path_.c_str(), O_RDONLY) >= 0; });
  ASSERT_TRUE(process.ready());
  EXPECT_THAT(OfFile(), HasSubstr(fmt::format("held by pid {} (", process.pid())));
}

TEST_F(LinuxHoldersTest, AMappingNamesItsProcess) {
  const Process process([&] {
    // The inherited descriptor of the test itself goes too.
    ::close(file_->fd().get());
    const int fd = ::open(path_.c_str(), O_RDONLY);
    const bool done = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
    ::close(fd);
    return done;
  });
  ASSERT_TRUE(process.ready());
  EXPECT_THAT(OfFile(), HasSubstr(fmt::format("mapped by pid {} (", process.pid())));
}

TEST_F(LinuxHoldersTest, ALoopDeviceOnAFileIsNamed) {
  const LoopDevice device = loops_.Attach(path_, {}).value();
  EXPECT_EQ(OfFile(), "behind " + device.path);
}

TEST_F(LinuxHoldersTest, AnOpenerOfABlockDeviceIsNamed) {
  const LoopDevice device = loops_.Attach(path_, {}).value();
  EXPECT_THAT(holders_.OfBlockDevice(device.path, device.device), IsEmpty());
  const Process process([&] { return ::open(device.path.c_str(), O_RDONLY) >= 0; });
  ASSERT_TRUE(process.ready());
  EXPECT_THAT(OfDevice(device), HasSubstr(fmt::format("held by pid {} (", process.pid())));
}

TEST_F(LinuxHoldersTest, ALoopDeviceOnALoopDeviceIsNamed) {
  const LoopDevice lower = loops_.Attach(path_, {}).value();
  const LoopDevice upper = loops_.Attach(lower.path, {.access = Access::kReadOnly}).value();
  EXPECT_THAT(OfDevice(lower), HasSubstr("behind " + upper.path));
  EXPECT_TRUE(loops_.Detach(upper, OnWriteError::kKeep));
}

TEST_F(LinuxHoldersTest, AMountIsNamedInWhateverNamespaceItIs) {
  if (!testing::HostHasPrivateMounts()) GTEST_SKIP() << testing::kNoPrivateMounts;
  ASSERT_EQ(std::system(fmt::format("mkfs.ext4 -q -F {}", path_).c_str()), 0);  // NOLINT
  const LoopDevice device = loops_.Attach(path_, {}).value();
  const std::string at = directory_ / "mnt";
  ASSERT_TRUE(std::filesystem::create_directory(at));
  {
    const Process process([&] {
      return testing::EnterMountNamespace() &&
             ::mount(device.path.c_str(), at.c_str(), "ext4", 0, nullptr) == 0;
    });
    ASSERT_TRUE(process.ready());
    EXPECT_THAT(OfDevice(device),
                HasSubstr(fmt::format("mounted at {} in the mount namespace of pid {}", at,
                                      process.pid())));
    EXPECT_EQ(loops_.Detach(device, OnWriteError::kKeep).error().kind, ErrorKind::kConflict);
  }
  ASSERT_EQ(::mount(device.path.c_str(), at.c_str(), "ext4", 0, nullptr), 0);
  EXPECT_EQ(OfDevice(device), "mounted at " + at);
  EXPECT_EQ(::umount2(at.c_str(), 0), 0);
}

TEST(DescribeHoldersTest, ALongListIsCut) {
  EXPECT_EQ(DescribeHolders({}), "in use");
  const std::vector<Holder> holders(6, Holder{"x"});
  EXPECT_EQ(DescribeHolders(holders), "x, x, x, x and 2 more");
}

}  // namespace
}  // namespace veneer
