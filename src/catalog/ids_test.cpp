#include "catalog/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace veneer {
namespace {

TEST(IdsTest, ANewIdIsThePrefixAndEightHexDigits) {
  const auto id = NewId(kSandboxPrefix);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->size(), 11U);
  EXPECT_TRUE(id->starts_with("sb-"));
  EXPECT_TRUE(IsHex(id->substr(3))) << *id;
}

TEST(IdsTest, NewIdsDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 16; ++i) ids.insert(NewId(kTemplatePrefix).value());
  EXPECT_GT(ids.size(), 14U);
}

TEST(IdsTest, NamesAreLowerCaseAndShort) {
  for (const std::string& name :
       {std::string("a"), std::string("0"), std::string("debian-12.1_x"), std::string(63, 'z'),
        std::string("sb-1f"), std::string("sb-1f00aa001"), std::string("sb-1f00aa0g"),
        std::string("xx-1f00aa00")}) {
    EXPECT_TRUE(RequireName(name)) << name;
  }
}

TEST(IdsTest, OtherTextsAreNoNames) {
  for (const std::string& name :
       {std::string(), std::string("A"), std::string("-a"), std::string(".a"), std::string("_a"),
        std::string("a b"), std::string("a/b"), std::string("a\n"), std::string("\xc3\xa4"),
        std::string("a\0b", 3), std::string(64, 'z')}) {
    const auto required = RequireName(name);
    ASSERT_FALSE(required) << name;
    EXPECT_EQ(required.error().kind, ErrorKind::kUsage) << name;
  }
}

TEST(IdsTest, ANameThatCouldBeAnIdIsRefused) {
  for (const char* name : {"sb-1f00aa00", "tp-00000000"}) {
    const auto required = RequireName(name);
    ASSERT_FALSE(required) << name;
    EXPECT_EQ(required.error().kind, ErrorKind::kUsage);
  }
}

}  // namespace
}  // namespace veneer
