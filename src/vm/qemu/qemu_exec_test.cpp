// Commands that wait for a port of a machine that is just taken away.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kernel/testing/temp_directory.h"
#include "vm/qemu/exec_server.h"
#include "vm/qemu/qemu_vmm.h"
#include "vm/qemu/vm_files.h"

namespace veneer {
namespace {

class QemuExecTest : public ::testing::Test {
 protected:
  // A machine lives, and all of its ports are in use.
  QemuExecTest() {
    std::filesystem::create_directories(files_.directory);
    alive_ = LockAlive(files_).value();
    for (unsigned n = 0; n < kExecPorts; ++n) {
      EXPECT_TRUE(WriteSmall(files_.ExecPortLock(n), ""));
      taken_.emplace_back(::open(files_.ExecPortLock(n).c_str(), O_RDWR | O_CLOEXEC));
      EXPECT_EQ(::flock(taken_.back().get(), LOCK_EX | LOCK_NB), 0);
    }
  }

  testing::TempDirectory directory_;
  VmFiles files_ = FilesOfVm(directory_ / "run", "sb-1");
  UniqueFd alive_;
  std::vector<UniqueFd> taken_;
  QemuVmm vmm_{{.run_dir = directory_ / "run"}};
};

TEST_F(QemuExecTest, ACommandThatWaitsMakesNoFilesOfAMachineThatIsTakenAway) {
  unsigned asked = 0;
  ExecRequest request{.argv = {"true"}};
  request.check = [&]() -> Result<void> {
    if (++asked > 1) return Fail(ErrorKind::kFailed, "no more");
    for (unsigned n = 0; n < kExecPorts; ++n) std::filesystem::remove(files_.ExecPortLock(n));
    return {};
  };
  EXPECT_EQ(vmm_.Exec("sb-1", request).error().what, "no more");
  for (unsigned n = 0; n < kExecPorts; ++n) {
    EXPECT_FALSE(std::filesystem::exists(files_.ExecPortLock(n)));
  }
}

TEST_F(QemuExecTest, ACommandDoesNotWaitForAMachineThatHasEnded) {
  unsigned asked = 0;
  ExecRequest request{.argv = {"true"}};
  request.check = [&]() -> Result<void> {
    alive_.Close();
    return ++asked > 2 ? Fail(ErrorKind::kFailed, "no more") : Result<void>();
  };
  EXPECT_EQ(vmm_.Exec("sb-1", request).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
