#include "images/import.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "images/testing/import_fixture.h"
#include "kernel/linux/range_copier.h"

namespace veneer {
namespace {

class ImportTest : public testing::ImportFixture {
 protected:
  // A raw disk of 8 MiB with data at 1 MiB and in its last sector.
  std::unique_ptr<LinuxFile> MakeDisk(const std::string& name) const {
    auto disk = testing::MakeFile(Source(name), MiB(8));
    EXPECT_TRUE(disk->WriteAt(ByteOffset(MiB(1).value()), std::vector(300'000, std::byte{'a'})));
    EXPECT_TRUE(disk->WriteAt(ByteOffset(MiB(8).value() - 512), std::vector(512, std::byte{'z'})));
    return disk;
  }
  void MakeQcow2(const std::string& name, const std::string& flags = "") const {
    MakeDisk("disk");
    Shell("qemu-img convert -f raw -O qcow2 " + flags + " disk " + name);
  }
  bool CanReflink() const {
    const auto from = testing::MakeFile(Source("from"), Bytes(4096));
    const auto to = testing::MakeFile(Source("to"), Bytes(0));
    return RangeCopier::CloneWhole(*from, *to).has_value();
  }
};

// Room that no file system has.
constexpr SpaceReserve kEverything{.percent = 0, .size = Bytes(std::uint64_t{1} << 62U)};

TEST_F(ImportTest, ARawImageIsTakenAsItIs) {
  const auto disk = MakeDisk("disk");
  const ImportReport report = Import("disk").value();
  EXPECT_EQ(report.format, ImageFormat::kRaw);
  EXPECT_EQ(report.method, CanReflink() ? CloneMethod::kReflink : CloneMethod::kCopy);
  EXPECT_EQ(report.size, MiB(8));
  const auto image = Open(Output("image"));
  EXPECT_EQ(Read(*image), Read(*disk));
  EXPECT_LT(image->AllocatedBytes().value(), MiB(1));
  EXPECT_EQ(ModeOf(Output("image")), 0400U);
  EXPECT_EQ(Outputs(), std::vector<std::string>{"image"});
}

TEST_F(ImportTest, HolesThatARawImageHasLostComeBackWhereItIsCopied) {
  if (CanReflink()) GTEST_SKIP() << "this file system shares blocks instead";
  const auto sparse = MakeDisk("sparse");
  const auto solid = testing::MakeFile(Source("solid"), MiB(8));
  ASSERT_TRUE(solid->WriteAt(ByteOffset(0), Read(*sparse)));
  ASSERT_TRUE(Import("solid"));
  EXPECT_EQ(Read(*Open(Output("image"))), Read(*sparse));
  EXPECT_LT(Open(Output("image"))->AllocatedBytes().value(), MiB(1));
}

TEST_F(ImportTest, WhatIsNoImageIsRefused) {
  std::ofstream(Source("empty")).flush();
  EXPECT_EQ(Refusal("empty").kind, ErrorKind::kUsage);
  std::ofstream(Source("text")) << "#!/bin/sh\necho hello\n";
  EXPECT_EQ(Refusal("text").kind, ErrorKind::kUsage);
  testing::MakeFile(Source("odd"), Bytes(4097));
  EXPECT_EQ(Refusal("odd").kind, ErrorKind::kUsage);
  EXPECT_EQ(Refusal("none").kind, ErrorKind::kNotFound);
  EXPECT_EQ(Refusal("out").kind, ErrorKind::kUsage);
  Shell("truncate -s 1M disk; qemu-img convert -f raw -O vmdk disk vmdk");
  EXPECT_NE(Refusal("vmdk").what.find("VMDK"), std::string::npos);
}

TEST_F(ImportTest, AnOutputThatExistsIsKept) {
  MakeDisk("disk");
  std::ofstream(Output("image")) << "old";
  EXPECT_EQ(Import("disk").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Shell("cat out/image"), "old");
}

TEST_F(ImportTest, ASourceThatIsWrittenToMeanwhileIsRefused) {
  MakeDisk("disk");
  const Error error = Refusal("disk", {.progress = [&](Bytes, Bytes) {
                                std::ofstream(Source("disk"), std::ios::app) << "more";
                              }});
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
}

TEST_F(ImportTest, NoImageIsLargerThanTheLimit) {
  MakeQcow2("qcow2");
  for (const char* source : {"disk", "qcow2"}) {
    EXPECT_EQ(Refusal(source, {.max_size = MiB(8) - Bytes(512)}).kind, ErrorKind::kNoSpace);
  }
  EXPECT_TRUE(Import("qcow2", {.max_size = MiB(8)}));
}

TEST_F(ImportTest, TheReserveIsNotTouched) {
  MakeQcow2("qcow2");
  EXPECT_EQ(Refusal("qcow2", {.reserve = kEverything}).kind, ErrorKind::kNoSpace);
  if (!CanReflink()) {
    EXPECT_EQ(Refusal("disk", {.reserve = kEverything}).kind, ErrorKind::kNoSpace);
  }
  EXPECT_TRUE(Import("disk", {.reserve = std::nullopt}));
}

TEST_F(ImportTest, ASizeIsForArchives) {
  MakeDisk("disk");
  EXPECT_EQ(Refusal("disk", {.size = MiB(16)}).kind, ErrorKind::kUsage);
}

TEST_F(ImportTest, AQcow2ImageBecomesTheDiskInIt) {
  for (const char* flags : {"-o compat=1.1", "-o compat=0.10", "-c", "-o cluster_size=4k"}) {
    MakeQcow2("qcow2", flags);
    const ImportReport report = Import("qcow2").value();
    EXPECT_EQ(report.format, ImageFormat::kQcow2);
    EXPECT_FALSE(report.method.has_value());
    EXPECT_EQ(report.size, MiB(8));
    const auto image = Open(Output("image"));
    EXPECT_EQ(Read(*image), Read(*Open(Source("disk")))) << flags;
    EXPECT_LT(image->AllocatedBytes().value(), MiB(1));
    EXPECT_EQ(ModeOf(Output("image")), 0400U);
    Shell("rm -f out/image qcow2 disk");
  }
}

TEST_F(ImportTest, ANameThatMeansSomethingToQemuIsButAName) {
  MakeQcow2("qcow2");
  for (const char* name : {"nbd:localhost:1", "json:{}", "-f"}) {
    std::filesystem::rename(Source("qcow2"), Source(name));
    EXPECT_TRUE(Import(name)) << name;
    std::filesystem::rename(Source(name), Source("qcow2"));
    std::filesystem::remove(Output("image"));
  }
}

TEST_F(ImportTest, AQcow2ImageThatNeedsOtherFilesIsRefused) {
  MakeQcow2("qcow2");
  Shell("qemu-img create -q -f qcow2 -b qcow2 -F qcow2 overlay");
  EXPECT_EQ(Refusal("overlay").kind, ErrorKind::kUsage);
  Shell("qemu-img create -q -f qcow2 -b /etc/passwd -F raw -u hostile 1M");
  EXPECT_EQ(Refusal("hostile").kind, ErrorKind::kUsage);
  Shell("qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on external 1M");
  EXPECT_EQ(Refusal("external").kind, ErrorKind::kUsage);
  // Its header says LUKS: qemu-img makes such an image only where it can time the key's hash.
  Shell("cp qcow2 secret; printf '\\000\\000\\000\\002' | dd of=secret bs=1 seek=32 conv=notrunc");
  EXPECT_EQ(Refusal("secret").kind, ErrorKind::kUsage);
}

TEST_F(ImportTest, ADamagedQcow2ImageIsCorrupt) {
  MakeQcow2("qcow2");
  const auto size = std::filesystem::file_size(Source("qcow2"));
  for (const std::uintmax_t left :
       {std::uintmax_t{50}, std::uintmax_t{90}, std::uintmax_t{65536}, size / 2, size - 65536}) {
    Shell("cp qcow2 damaged");
    std::filesystem::resize_file(Source("damaged"), left);
    EXPECT_EQ(Refusal("damaged").kind, ErrorKind::kCorrupt) << left;
  }
}

TEST_F(ImportTest, AMissingProgramNamesItsPackage) {
  MakeQcow2("qcow2");
  const char* const before = std::getenv("PATH");
  ASSERT_NE(before, nullptr);
  const std::string path = before;
  ::setenv("PATH", dir_.path().c_str(), 1);
  const Error error = Refusal("qcow2");
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_NE(error.hint.find("qemu-utils"), std::string::npos);
}

TEST_F(ImportTest, ProgressReachesItsEndAndNeverGoesBack) {
  MakeQcow2("qcow2");
  for (const char* source : {"disk", "qcow2"}) {
    Bytes last;
    Bytes total;
    ASSERT_TRUE(Import(source, {.progress = [&](Bytes done, Bytes all) {
                         EXPECT_GE(done, last);
                         EXPECT_LE(done, all);
                         last = done;
                         total = all;
                       }}));
    EXPECT_GT(last, Bytes(0));
    EXPECT_EQ(last, total);
    std::filesystem::remove(Output("image"));
  }
}

}  // namespace
}  // namespace veneer
