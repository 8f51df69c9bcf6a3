#include "catalog/machine_text.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(MachineText, WhatIsNotThereIsNoText) {
  EXPECT_EQ(EncodeBoot(std::nullopt), "");
  EXPECT_EQ(DecodeBoot("").value(), std::nullopt);
  EXPECT_EQ(DecodeMachineRecord("").value(), std::nullopt);
}

TEST(MachineText, ARecordComesBackAsItWas) {
  const BootRecord boot{.kernel = "sha256:a", .initrd = "", .cmdline = "a=\"b c\" \xff"};
  EXPECT_EQ(DecodeBoot(EncodeBoot(boot)).value()->kernel, boot.kernel);
  const MachineRecord machine{
      .memory = GiB(3), .cpus = 4, .network = "user", .acceleration = "kvm"};
  EXPECT_EQ(DecodeMachineRecord(EncodeMachineRecord(machine)).value(), machine);
}

TEST(MachineText, DamagedTextIsCorrupt) {
  for (const char* text : {"x", "[]", "{}", "{\"kernel\":1,\"initrd\":\"\",\"cmdline\":\"\"}"}) {
    EXPECT_EQ(DecodeBoot(text).error().kind, ErrorKind::kCorrupt) << text;
    EXPECT_EQ(DecodeMachineRecord(text).error().kind, ErrorKind::kCorrupt) << text;
  }
  EXPECT_FALSE(
      DecodeMachineRecord(R"({"memory":-1,"cpus":1,"network":"none","acceleration":"kvm"})"));
}

}  // namespace
}  // namespace veneer
