// Saves of a machine whose QEMU is a model, and whose process is one that only waits.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "kernel/testing/resource_limit.h"
#include "kernel/testing/temp_directory.h"
#include "vm/qemu/qemu_vmm.h"
#include "vm/qemu/vm_files.h"
#include "vm/testing/scripted_qmp.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedQmp;

const Error kInjected{ErrorKind::kFailed, EIO, "injected", ""};

// Takes all descriptors that this process may have.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit few{.rlim_cur = 100, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (UniqueFd fd(::dup(STDIN_FILENO)); fd.valid(); fd = UniqueFd(::dup(STDIN_FILENO))) {
      taken_.push_back(std::move(fd));
    }
  }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;
  ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  void GiveOneBack() { taken_.pop_back(); }

 private:
  rlimit before_{};
  std::vector<UniqueFd> taken_;
};

class QemuSaveTest : public ::testing::Test {
 protected:
  QemuSaveTest() {
    std::filesystem::create_directories(files_.directory);
    const UniqueFd alive = LockAlive(files_).value();
    const pid_t test = ::getpid();
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      while (::getppid() == test) ::pause();
      ::_exit(1);  // it died before it would have been told
    }
    EXPECT_TRUE(WriteSmall(files_.Process(), EncodeProcess(ProcessNow(process_).value())));
    std::ofstream(memory_) << std::string(8192, '\0');
    qmp_.emplace(files_.Qmp());
  }
  void TearDown() override {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  [[nodiscard]] SaveRequest PauseIt() const {
    return {.state = state_, .memory = SavedMemory::kInFile, .memory_file = memory_};
  }
  [[nodiscard]] SaveRequest CopyIt() const {
    return {.state = state_, .memory = SavedMemory::kInState, .then = SaveRequest::Then::kGoOn};
  }
  [[nodiscard]] bool HasState() const { return std::filesystem::exists(state_); }

  testing::TempDirectory directory_;
  VmFiles files_ = FilesOfVm(directory_ / "run", "sb-1");
  std::string state_ = directory_ / "state";
  std::string memory_ = directory_ / "memory";
  pid_t process_ = 0;
  std::optional<ScriptedQmp> qmp_;
  QemuVmm vmm_{{.run_dir = directory_ / "run"}};
};

TEST_F(QemuSaveTest, AMachineThatIsPausedHasEndedAndItsStateIsThere) {
  const auto saved = vmm_.Save("sb-1", PauseIt());
  ASSERT_TRUE(saved) << saved.error().what;
  EXPECT_TRUE(HasState());
  EXPECT_FALSE(std::filesystem::exists(files_.directory));
}

TEST_F(QemuSaveTest, AMachineThatIsCopiedGoesOn) {
  const auto saved = vmm_.Save("sb-1", CopyIt());
  ASSERT_TRUE(saved) << saved.error().what;
  EXPECT_TRUE(HasState());
  EXPECT_EQ(qmp_->status(), "running");
}

TEST_F(QemuSaveTest, AnOldStateDoesNotStayBesideAMachineThatGoesOn) {
  std::ofstream(state_) << "old";
  SaveRequest request = PauseIt();
  request.while_still = []() -> Result<void> { return Fail(kInjected); };
  ASSERT_FALSE(vmm_.Save("sb-1", request));
  EXPECT_FALSE(HasState());
  EXPECT_EQ(qmp_->status(), "running");
}

// Publishing syncs file, name and directory: it can fail when the state has its name already.
TEST_F(QemuSaveTest, AMachineWhoseStateIsPublishedInVainGoesOnOnlyWithoutIt) {
  if (!testing::kCanDoWithoutDescriptors) GTEST_SKIP() << testing::kNoDescriptorsNoUbsan;
  bool beside_it = false;
  qmp_->BeforeEach([&](const std::string& command) {
    beside_it = beside_it || (command == "cont" && HasState());
  });
  std::optional<NoMoreFiles> none;
  SaveRequest request = CopyIt();
  request.while_still = [&]() -> Result<void> {
    none.emplace();
    return {};
  };
  const auto saved = vmm_.Save("sb-1", request);
  none.reset();
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().what, HasSubstr("sync the directory"));
  EXPECT_FALSE(beside_it);
  EXPECT_FALSE(HasState());
  EXPECT_EQ(qmp_->status(), "running");
}

TEST_F(QemuSaveTest, AMachineThatCannotGoOnForAnotherTryGoesOnInTheEnd) {
  qmp_->InputWithNextMove(4);
  qmp_->FailNext("cont");
  EXPECT_FALSE(vmm_.Save("sb-1", CopyIt()));
  EXPECT_EQ(qmp_->status(), "running");
}

// 4 and 5 are in and out of the agent's port, 21 is out of the last one for commands.
TEST_F(QemuSaveTest, WhatComesOrIsTakenMeanwhileIsSeen) {
  for (const unsigned queue : {2U, 3U, 4U, 5U, 20U, 21U}) {
    const unsigned saves = qmp_->Count("migrate");
    qmp_->InputWithNextMove(queue);
    EXPECT_TRUE(vmm_.Save("sb-1", CopyIt())) << queue;
    EXPECT_EQ(qmp_->Count("migrate"), saves + 2) << queue;
  }
}

TEST_F(QemuSaveTest, AMachineThatDoesNotGoOnIsNoSuccess) {
  qmp_->FailNext("cont");
  EXPECT_FALSE(vmm_.Save("sb-1", CopyIt()));
  EXPECT_NE(qmp_->status(), "running");
}

TEST_F(QemuSaveTest, ASaveThatIsStillUnderWayIsGivenUpBeforeTheMachineGoesOn) {
  bool beside_it = false;
  qmp_->MoveForEver();
  bool moves = false;
  qmp_->BeforeEach([&](const std::string& command) {
    moves = (moves || command == "migrate") && command != "migrate_cancel";
    beside_it = beside_it || (command == "cont" && moves);
  });
  qmp_->FailNext("query-migrate");
  EXPECT_FALSE(vmm_.Save("sb-1", CopyIt()));
  EXPECT_FALSE(beside_it) << "its end would stop the machine again";
  EXPECT_FALSE(qmp_->moving());
  EXPECT_EQ(qmp_->status(), "running");
}

TEST_F(QemuSaveTest, AProcessThatCannotBeLookedAtHasNotEnded) {
  if (!testing::kCanDoWithoutDescriptors) GTEST_SKIP() << testing::kNoDescriptorsNoUbsan;
  NoMoreFiles none;
  none.GiveOneBack();
  EXPECT_FALSE(EndProcess({.pid = process_, .began = 0})) << "when it began cannot be read";
}

}  // namespace
}  // namespace veneer
