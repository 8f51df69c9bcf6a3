// What cannot be told is not taken for "there is none": a disk that is not found counts as gone.
#include "backend/user/disk_list.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/unix_socket.h"
#include "kernel/testing/resource_limit.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class DiskListTest : public ::testing::Test {
 protected:
  DiskListTest() { std::filesystem::create_directories(files_.directory); }

  void WriteRecord(const std::string& text) const { std::ofstream(files_.Record()) << text; }
  // A disk by NBD whose socket is there.
  void MakeDisk() const {
    WriteRecord(EncodeRecord({.pid = ::getpid(),
                              .store = "/store",
                              .origin = "/origin",
                              .path = directory_ / "socket",
                              .export_kind = ExportKind::kNbd,
                              .device = std::nullopt,
                              .access = DiskAccess::kReadWrite,
                              .mount_point = DiskRecord::MountPoint::kMade}));
    for (const std::string& path : {std::string(directory_ / "socket"), files_.Socket()}) {
      const auto socket = NewUnixSocket();
      ASSERT_TRUE(socket);
      ASSERT_TRUE(ListenAtUnix(socket->get(), path));
    }
  }
  [[nodiscard]] auto Attached() const { return AttachedDisks(run_, LinuxMounts()); }

  testing::TempDirectory directory_;
  std::string run_ = directory_ / "run";
  DiskFiles files_ = FilesOfDisk(run_, directory_ / "socket");
};

TEST_F(DiskListTest, WithoutADirectoryThereIsNoDisk) {
  std::filesystem::remove_all(run_);
  EXPECT_EQ(Attached(), std::vector<std::string>());
}

TEST_F(DiskListTest, WhatAKilledServerHasLeftIsNoDisk) {
  MakeDisk();
  EXPECT_EQ(Attached(), std::vector<std::string>()) << "nobody listens any more";
}

TEST_F(DiskListTest, ARecordThatIsNotWholeIsNone) {
  WriteRecord("{");
  EXPECT_EQ(RecordOf(files_).value(), std::nullopt);
  std::filesystem::remove(files_.Record());
  EXPECT_EQ(RecordOf(files_).value(), std::nullopt);
}

TEST_F(DiskListTest, WithoutAFreeDescriptorNothingIsGone) {
  MakeDisk();
  const testing::ResourceLimit no_files(RLIMIT_NOFILE, 0);
  EXPECT_FALSE(DisksIn(run_));
  EXPECT_FALSE(RecordOf(files_));
  EXPECT_FALSE(Attached());
}

}  // namespace
}  // namespace veneer
