#include "api/bodies.h"

#include <gtest/gtest.h>

namespace veneer::api {
namespace {

template <class T>
void ExpectRefused(const Result<T>& result, const std::string& body) {
  ASSERT_FALSE(result) << body;
  EXPECT_EQ(result.error().kind, ErrorKind::kUsage) << body;
  EXPECT_FALSE(result.error().hint.empty()) << body;
}

TEST(Bodies, ACreateSaysWhatItSays) {
  const auto all = DecodeCreate(
      R"({"template":"base","name":"web","size":1048576,"backend":"user","export":"nbd"})");
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(all->template_reference, "base");
  EXPECT_EQ(all->name, "web");
  EXPECT_EQ(all->size, MiB(1));
  EXPECT_EQ(all->backend, BackendChoice::kUser);
  EXPECT_EQ(all->export_kind, ExportKind::kNbd);
  const auto least = DecodeCreate(R"({"template":"base"})");
  ASSERT_TRUE(least);
  EXPECT_EQ(least->backend, BackendChoice::kAuto);
  EXPECT_EQ(least->export_kind, ExportKind::kFuse);
  EXPECT_FALSE(least->size);
}

TEST(Bodies, ACreateMayAskForAMachine) {
  const auto machine =
      DecodeCreate(R"({"template":"t","boot":true,"memory":134217728,"cpus":2,"net":"user"})");
  ASSERT_TRUE(machine) << machine.error().what;
  EXPECT_EQ(machine->machine, (MachineRecord{.memory = MiB(128), .cpus = 2, .network = "user"}));
  const auto plain = DecodeCreate(R"({"template":"t","boot":true})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->machine, (MachineRecord{.memory = MiB(256), .network = "none"}));
  EXPECT_FALSE(DecodeCreate(R"({"template":"t","boot":false})")->machine);
  for (const char* body :
       {R"({"template":"t","memory":134217728})", R"({"template":"t","boot":false,"cpus":1})",
        R"({"template":"t","net":"user"})", R"({"template":"t","boot":true,"net":"all"})",
        R"({"template":"t","boot":1})"}) {
    ExpectRefused(DecodeCreate(body), body);
  }
}

TEST(Bodies, WhatIsNoStrictObjectIsRefused) {
  const std::string deep(10'000, '[');
  for (const std::string& body : {std::string("{"),
                                  std::string("[]"),
                                  std::string("null"),
                                  std::string("{}"),
                                  std::string(R"({"template":1})"),
                                  std::string(R"({"template":["a"]})"),
                                  std::string(R"({"template":"a","tempalte":"b"})"),
                                  std::string(R"({"template":"a","template":"b"})"),
                                  std::string(R"({"template":"a"} x)"),
                                  std::string("{\"template\":\"a\\u0000b\"}"),
                                  std::string(R"({"template":"a","size":-1})"),
                                  std::string(R"({"template":"a","size":0})"),
                                  std::string(R"({"template":"a","size":1.5})"),
                                  std::string(R"({"template":"a","size":"1G"})"),
                                  std::string(R"({"template":"a","size":18446744073709551615})"),
                                  std::string(R"({"template":"a","size":1e400})"),
                                  std::string(R"({"template":"a","backend":"magic"})"),
                                  std::string(R"({"template":"a","export":"smoke"})"),
                                  "{\"template\":\"" + std::string(300, 'a') + "\"}",
                                  "{\"template\":" + deep,
                                  std::string("{\"template\":\"\xff\"}")}) {
    ExpectRefused(DecodeCreate(body), body.substr(0, 60));
  }
}

TEST(Bodies, ABracketInATextIsNoLevel) {
  EXPECT_TRUE(DecodeCreate(R"({"template":"[[[[[[[[[[\"[[["})"));
}

TEST(Bodies, NothingIsAnEmptyObject) {
  EXPECT_TRUE(DecodeNothing(""));
  EXPECT_TRUE(DecodeNothing("{}"));
  ExpectRefused(DecodeNothing(R"({"x":1})"), "x");
  EXPECT_EQ(DecodeFork("").value_or(0), 1U);
  EXPECT_FALSE(DecodeResume("")->has_value());
}

TEST(Bodies, AForkHasACountOfOneToAThousand) {
  EXPECT_EQ(DecodeFork(R"({"count":1000})").value_or(0), 1000U);
  ExpectRefused(DecodeFork(R"({"count":1001})"), "1001");
  ExpectRefused(DecodeFork(R"({"count":4294967297})"), "over 32 bits");
}

TEST(Bodies, AFileToImportIsANameAndNoPath) {
  const auto import = DecodeImport(R"({"name":"base","file":"debian.img","size":1073741824})");
  ASSERT_TRUE(import) << import.error().what;
  EXPECT_EQ(import->file, "debian.img");
  EXPECT_EQ(import->size, GiB(1));
  for (const char* file : {"", ".", "..", "../x", "/etc/shadow", "a/b"}) {
    ExpectRefused(DecodeImport(std::string(R"({"name":"base","file":")") + file + "\"}"), file);
  }
}

}  // namespace
}  // namespace veneer::api
