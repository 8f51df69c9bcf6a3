// What cannot be told is not taken for "there is none": a disk that is not found counts as gone.
#include "backend/user/disk_list.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "backend/user/record_file.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/unix_socket.h"
#include "kernel/nbd_address.h"
#include "kernel/testing/resource_limit.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class DiskListTest : public ::testing::Test {
 protected:
  DiskListTest() { std::filesystem::create_directories(files_.directory); }

  void WriteText(const std::string& text) const { std::ofstream(files_.Record()) << text; }
  // Of a disk by NBD.
  [[nodiscard]] DiskRecord Record() const {
    return {.pid = ::getpid(),
            .store = "/store",
            .origin = "/origin",
            .path = directory_ / "socket",
            .export_kind = ExportKind::kNbd,
            .device = std::nullopt,
            .access = DiskAccess::kReadWrite,
            .mount_point = DiskRecord::MountPoint::kMade};
  }
  // The file of a socket at which nobody listens any more.
  static void MakeSocket(const std::string& path) {
    const auto socket = NewUnixSocket();
    ASSERT_TRUE(socket);
    ASSERT_TRUE(ListenAtUnix(socket->get(), path));
  }
  // As a killed server leaves it, or one that holds no record.
  void MakeDisk() const {
    WriteText(EncodeRecord(Record()));
    MakeSocket(directory_ / "socket");
    MakeSocket(files_.Socket());
  }
  [[nodiscard]] auto Attached() const { return AttachedDisks(run_, LinuxMounts()); }
  [[nodiscard]] auto IsAttached() const { return IsDiskAttached(run_, uri_, LinuxMounts()); }

  testing::TempDirectory directory_;
  std::string run_ = directory_ / "run";
  DiskFiles files_ = FilesOfDisk(run_, directory_ / "socket");
  std::string uri_ = NbdUri(std::string(directory_ / "socket"));
};

TEST_F(DiskListTest, WithoutADirectoryThereIsNoDisk) {
  std::filesystem::remove_all(run_);
  EXPECT_EQ(Attached(), std::vector<std::string>());
  EXPECT_EQ(IsAttached(), false);
}

TEST_F(DiskListTest, WhatAKilledServerHasLeftIsNoDisk) {
  MakeDisk();
  EXPECT_EQ(Attached(), std::vector<std::string>()) << "nobody listens any more";
  EXPECT_EQ(IsAttached(), false);
}

TEST_F(DiskListTest, AServerThatHoldsNoRecordIsAskedWhetherItLives) {
  MakeDisk();
  const auto control = NewUnixSocket();
  ASSERT_TRUE(control);
  std::filesystem::remove(files_.Socket());
  ASSERT_TRUE(ListenAtUnix(control->get(), files_.Socket()));
  EXPECT_EQ(Attached(), std::vector{uri_});
  EXPECT_EQ(IsAttached(), true);
}

TEST_F(DiskListTest, AHeldRecordSaysThatItsServerLivesAndNobodyIsAsked) {
  MakeSocket(directory_ / "socket");
  auto held = WriteRecord(files_, Record());
  ASSERT_TRUE(held);
  EXPECT_EQ(Attached(), std::vector{uri_}) << "there is no control socket that could be asked";
  EXPECT_EQ(IsAttached(), true);
  EXPECT_EQ(IsDiskAttached(run_, directory_ / "socket", LinuxMounts()), false)
      << "that is not what its users call it";
  // One that is written again, when the disk has got a device.
  held = WriteRecord(files_, Record());
  ASSERT_TRUE(held);
  EXPECT_TRUE(ReadRecord(files_).value()->held);
  held->Close();
  EXPECT_FALSE(ReadRecord(files_).value()->held);
  EXPECT_EQ(Attached(), std::vector<std::string>());
}

TEST_F(DiskListTest, AHeldRecordOfADiskThatIsShownNoMoreIsNoDisk) {
  const auto held = WriteRecord(files_, Record());
  ASSERT_TRUE(held);
  EXPECT_EQ(Attached(), std::vector<std::string>());
  EXPECT_EQ(IsAttached(), false);
}

TEST_F(DiskListTest, ARecordThatIsNotWholeIsNone) {
  WriteText("{");
  EXPECT_FALSE(ReadRecord(files_).value());
  std::filesystem::remove(files_.Record());
  EXPECT_FALSE(ReadRecord(files_).value());
}

TEST_F(DiskListTest, WithoutAFreeDescriptorNothingIsGone) {
  MakeDisk();
  if (!testing::kCanDoWithoutDescriptors) GTEST_SKIP() << testing::kNoDescriptorsNoUbsan;
  const testing::ResourceLimit no_files(RLIMIT_NOFILE, 0);
  EXPECT_FALSE(DisksIn(run_));
  EXPECT_FALSE(ReadRecord(files_));
  EXPECT_FALSE(Attached());
  EXPECT_FALSE(IsAttached());
}

}  // namespace
}  // namespace veneer
