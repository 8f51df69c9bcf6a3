#include "kernel/testing/fake_loop_control.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "kernel/testing/temp_directory.h"

namespace veneer::testing {
namespace {

class FakeLoopControlTest : public ::testing::Test {
 protected:
  TempDirectory directory_;
  std::string path_ = directory_ / "disk";
  std::unique_ptr<LinuxFile> file_ = MakeFile(path_, MiB(4));
  FileIdentity identity_ = file_->Identity().value();
  KernelFaults faults_;
  FakeLoopControl loops_{faults_};
};

TEST_F(FakeLoopControlTest, AHeldDeviceClearsItselfWithItsLastHold) {
  HeldLoop first = loops_.AttachHeld(*file_, {}).value();
  HeldLoop second = loops_.Hold(first.device.number, identity_).value();
  EXPECT_EQ(loops_.Openers(first.device.number), 2U);
  EXPECT_EQ(loops_.BackingFile(first.device.path).value(), path_);
  first.hold.Close();
  EXPECT_EQ(loops_.Bound(), 1U);
  second.hold.Close();
  EXPECT_EQ(loops_.Bound(), 0U);
}

TEST_F(FakeLoopControlTest, TheLockOfTheFileLastsAsLongAsItsHeldDevice) {
  ASSERT_TRUE(file_->TryLock(LinuxFile::Lock::kExclusive));
  HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  file_.reset();
  const auto other = LinuxFile::Open(path_, Access::kReadWrite).value();
  EXPECT_EQ(other->TryLock(LinuxFile::Lock::kExclusive).error().kind, ErrorKind::kConflict);
  held.hold.Close();
  EXPECT_EQ(loops_.Bound(), 0U);
  EXPECT_TRUE(other->TryLock(LinuxFile::Lock::kExclusive));
}

TEST_F(FakeLoopControlTest, AHoldEndsWithTheLastProcessThatHasIt) {
  HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    while (true) ::pause();
  }
  held.hold.Close();
  EXPECT_EQ(loops_.Bound(), 1U);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(loops_.Bound(), 0U);
}

TEST_F(FakeLoopControlTest, AnAttachedDeviceStaysUntilItIsDetached) {
  const LoopDevice device = loops_.Attach(path_, {}).value();
  HeldLoop held = loops_.Hold(device.number, identity_).value();
  EXPECT_EQ(loops_.Detach(device, OnWriteError::kKeep).error().kind, ErrorKind::kConflict);
  held.hold.Close();
  EXPECT_EQ(loops_.Find(identity_, "").value().size(), 1U);
  EXPECT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  EXPECT_TRUE(loops_.Detach(device, OnWriteError::kKeep));
  EXPECT_EQ(loops_.Bound(), 0U);
}

TEST_F(FakeLoopControlTest, WhatIsFreeOrOfAnotherFileIsNotFound) {
  const auto other = MakeFile(directory_ / "other", MiB(1));
  const LoopDevice device = loops_.Attach(path_, {}).value();
  const FileIdentity another = other->Identity().value();
  EXPECT_EQ(loops_.Hold(device.number, another).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(loops_.Hold(device.number + 1, identity_).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(loops_.BackingFile("/dev/loop77").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(loops_.Find(another, directory_ / "other").value().empty());
}

TEST_F(FakeLoopControlTest, ASizeIsThatOfTheLastUpdate) {
  const HeldLoop held = loops_.AttachHeld(*file_, {}).value();
  ASSERT_TRUE(file_->Resize(MiB(6)));
  EXPECT_EQ(loops_.SizeOf(held.device.device), Sectors(8192));
  ASSERT_TRUE(loops_.UpdateSize(held.device));
  EXPECT_EQ(loops_.SizeOf(held.device.device), Sectors(12288));
}

TEST_F(FakeLoopControlTest, NumbersCanBeTakenAndUsedUp) {
  const HeldLoop held = loops_.AttachHeld(*file_, {.number = 3}).value();
  EXPECT_EQ(loops_.AttachHeld(*file_, {.number = 3}).error().kind, ErrorKind::kConflict);
  loops_.SetLimit(1);
  EXPECT_EQ(loops_.Attach(path_, {}).error().kind, ErrorKind::kConflict);
}

TEST_F(FakeLoopControlTest, FaultsComeWhereTheyWerePlanned) {
  const Error error{ErrorKind::kFailed, EIO, "planned", ""};
  faults_.FailNext(KernelVerb::kAttachHeld, error, FaultMoment::kAfter);
  EXPECT_EQ(loops_.AttachHeld(*file_, {}).error().what, "planned");
  EXPECT_EQ(loops_.Bound(), 0U);
  faults_.FailNext(KernelVerb::kAttach, error, FaultMoment::kAfter, 1);
  const LoopDevice device = loops_.Attach(path_, {}).value();
  EXPECT_FALSE(loops_.Attach(path_, {}));
  EXPECT_EQ(loops_.Bound(), 2U);
  faults_.FailAt(2, error);
  EXPECT_TRUE(loops_.Find(identity_, path_));
  EXPECT_FALSE(loops_.BackingFile(device.path));
  EXPECT_TRUE(loops_.BackingFile(device.path));
  EXPECT_EQ(faults_.fired(), 3U);
  EXPECT_EQ(faults_.calls(), 6U);
}

}  // namespace
}  // namespace veneer::testing
