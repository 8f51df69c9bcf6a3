#include <gtest/gtest.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "images/import.h"
#include "images/leftovers.h"
#include "images/testing/import_fixture.h"

namespace veneer {
namespace {

class ImportTarTest : public testing::ImportFixture {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can unpack files of other owners";
    ImportFixture::SetUp();
    Shell(
        "mkdir -p root/etc root/bin root/home/user; echo localhost >root/etc/hosts;"
        "cp /bin/true root/bin/su; chmod 4755 root/bin/su; ln root/bin/su root/bin/sudo;"
        "ln -s /etc/hosts root/etc/link; mknod root/null c 1 3; mkfifo root/pipe;"
        "echo mine >root/home/user/file; chown -R 1234:5678 root/home/user;"
        "chmod 700 root/home/user; truncate -s 50M root/sparse");
  }
  void MakeTar(const std::string& flags = "") const {
    Shell("tar " + flags + " -C root -cf tar .");
  }

  // What debugfs says of the image; also when it complains.
  std::string Debugfs(const std::string& command) const {
    return Shell("debugfs -R '" + command + "' out/image 2>&1 | grep -v '^debugfs '");
  }
  void ExpectSound() const { Shell("e2fsck -fn out/image >&2"); }

  // Runs an import in a process that is killed as soon as something lies beside the output.
  void ImportUntilKilled() const {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      Import("tar", {.progress =
                         [&](Bytes, Bytes) {
                           if (!Outputs().empty()) ::raise(SIGKILL);
                         }})
          .Ignore("it does not get here");
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
};

TEST_F(ImportTarTest, AnArchiveBecomesAFileSystem) {
  MakeTar();
  const ImportReport report = Import("tar").value();
  EXPECT_EQ(report.format, ImageFormat::kTar);
  EXPECT_FALSE(report.method.has_value());
  EXPECT_EQ(report.size, Open(Output("image"))->Size().value());
  EXPECT_EQ(report.size % MiB(1), Bytes(0));
  EXPECT_LT(Open(Output("image"))->AllocatedBytes().value(), MiB(8));
  EXPECT_EQ(ModeOf(Output("image")), 0400U);
  EXPECT_EQ(Outputs(), std::vector<std::string>{"image"});
  ExpectSound();
}

TEST_F(ImportTarTest, OwnersModesLinksAndDevicesArePreserved) {
  MakeTar();
  ASSERT_TRUE(Import("tar"));
  EXPECT_EQ(Debugfs("cat /etc/hosts"), "localhost\n");
  const auto says = [&](const std::string& path, const std::string& words) {
    const std::string status = Debugfs("stat " + path);
    EXPECT_NE(status.find(words), std::string::npos) << status;
  };
  says("/bin/su", "Mode:  04755");
  says("/bin/sudo", "Links: 2");
  says("/etc/link", "Fast link dest: \"/etc/hosts\"");
  says("/null", "Type: character special");
  says("/null", "01:03");
  says("/pipe", "Type: FIFO");
  says("/home/user", "Mode:  0700");
  says("/home/user/file", "User:  1234   Group:  5678");
  says("/sparse", "Size: 52428800");
  says("/sparse", "Blockcount: 0");
}

TEST_F(ImportTarTest, CapabilitiesAndUserAttributesArePreserved) {
  // cap_net_raw, as in <linux/capability.h>, version 2.
  constexpr std::array<unsigned char, 20> kNetRaw{1, 0, 0, 2, 0, 0x20};
  const std::string file = Source("root/bin/su");
  if (::setxattr(file.c_str(), "security.capability", kNetRaw.data(), kNetRaw.size(), 0) != 0 ||
      ::setxattr(file.c_str(), "user.note", "hello", 5, 0) != 0) {
    GTEST_SKIP() << "this file system has no attributes of files";
  }
  MakeTar("--xattrs --xattrs-include=*");
  ASSERT_TRUE(Import("tar"));
  const std::string attributes = Debugfs("ea_list /bin/su");
  EXPECT_NE(attributes.find("security.capability (20)"), std::string::npos) << attributes;
  EXPECT_NE(attributes.find("user.note (5) = \"hello\""), std::string::npos) << attributes;
  ExpectSound();
}

TEST_F(ImportTarTest, AnArchiveMayBeCompressed) {
  MakeTar();
  for (const char* compress : {"gzip -c", "xz -0 -c", "zstd -qc"}) {
    Shell(std::string(compress) + " tar >compressed");
    ASSERT_TRUE(Import("compressed")) << compress;
    EXPECT_EQ(Debugfs("cat /etc/hosts"), "localhost\n") << compress;
    std::filesystem::remove(Output("image"));
  }
}

TEST_F(ImportTarTest, NamesThatLeadOutAreRefused) {
  Shell("echo evil >evil; tar -C root -P -cf dots ../evil; tar -P -cf absolute \"$PWD/evil\"");
  for (const char* source : {"dots", "absolute"}) {
    const Error error = Refusal(source);
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
    EXPECT_NE(error.what.find("leads out"), std::string::npos) << error.what;
  }
}

TEST_F(ImportTarTest, NothingIsWrittenThroughALinkThatLeadsOut) {
  Shell(
      "mkdir victim a b b/way; echo evil >b/way/file; ln -s ../../../victim a/way;"
      "tar -C a -cf tar way; tar -C b -rf tar way/file");
  // Whether it unpacks or not is tar's business.
  Import("tar").Ignore("the victim is what counts");
  EXPECT_EQ(Shell("ls victim"), "");
}

TEST_F(ImportTarTest, ADamagedArchiveIsCorrupt) {
  MakeTar();
  Shell(
      "gzip -c tar >gz; head -c 400 gz >cut.gz; head -c 3072 tar >cut.tar;"
      "head -c 10000 tar >cut-in-member.tar;"
      "head -c 100000 /dev/zero | gzip -c >disk.gz");
  for (const char* source : {"cut.gz", "cut.tar", "cut-in-member.tar", "disk.gz"}) {
    EXPECT_EQ(Refusal(source).kind, ErrorKind::kCorrupt) << source;
  }
}

TEST_F(ImportTarTest, TheSizeMayBeGiven) {
  MakeTar();
  EXPECT_EQ(Import("tar", {.size = MiB(256)}).value().size, MiB(256));
  ExpectSound();
  std::filesystem::remove(Output("image"));
  EXPECT_EQ(Refusal("tar", {.size = Bytes(1000)}).kind, ErrorKind::kUsage);
  EXPECT_EQ(Refusal("tar", {.size = Bytes(0)}).kind, ErrorKind::kUsage);
}

TEST_F(ImportTarTest, ASizeThatIsTooSmallIsNoSpace) {
  Shell("head -c 20M /dev/urandom >root/data");
  MakeTar();
  EXPECT_EQ(Refusal("tar", {.size = MiB(16)}).kind, ErrorKind::kNoSpace);
}

TEST_F(ImportTarTest, LimitsAreKept) {
  MakeTar();
  EXPECT_EQ(Refusal("tar", {.max_size = MiB(49)}).kind, ErrorKind::kNoSpace);  // its contents
  EXPECT_EQ(Refusal("tar", {.max_size = MiB(60)}).kind, ErrorKind::kNoSpace);  // the image
  const SpaceReserve everything{.percent = 0, .size = Bytes(std::uint64_t{1} << 62U)};
  EXPECT_EQ(Refusal("tar", {.reserve = everything}).kind, ErrorKind::kNoSpace);
}

TEST_F(ImportTarTest, ThereIsRoomForManySmallFilesAndDirectories) {
  Shell(
      "cd root; for d in 1 2 3 4 5 6 7 8 9; do mkdir $d; (cd $d; seq 1 700 | xargs touch;"
      "seq 1001 1200 | xargs mkdir; for i in $(seq 1 300); do echo $i >$i; done); done");
  MakeTar();
  ASSERT_TRUE(Import("tar"));
  EXPECT_EQ(Debugfs("cat /9/300"), "300\n");
  ExpectSound();
}

TEST_F(ImportTarTest, ALargeTreeFits) {
  Shell("rm root/sparse; head -c 100M /dev/urandom >root/data");
  MakeTar();
  const ImportReport report = Import("tar").value();
  EXPECT_LT(report.size, MiB(256));
  ExpectSound();
}

TEST_F(ImportTarTest, ProgressReachesItsEndAndNeverGoesBack) {
  MakeTar("-z");
  Bytes last;
  Bytes total;
  ASSERT_TRUE(Import("tar", {.progress = [&](Bytes done, Bytes all) {
                       EXPECT_GE(done, last);
                       EXPECT_LE(done, all);
                       last = done;
                       total = all;
                     }}));
  EXPECT_GT(last, Bytes(0));
  EXPECT_EQ(last, total);
}

TEST_F(ImportTarTest, WhatAKilledImportHasLeftIsSwept) {
  MakeTar();
  ASSERT_NO_FATAL_FAILURE(ImportUntilKilled());
  const auto dead = DeadLeftovers(Output("")).value();
  EXPECT_EQ(dead.size(), 1U);
  EXPECT_EQ(SweepLeftovers(Output("")).value(), dead);
  EXPECT_TRUE(Outputs().empty());
}

}  // namespace
}  // namespace veneer
