#include "kernel/dm_name.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(DmNameTest, WhatCanNameAFileIsAName) {
  for (const std::string& name : {std::string("veneer-a"), std::string("A b\\c%"),
                                  std::string(127, 'x'), std::string("...")}) {
    EXPECT_TRUE(CheckDmName(name)) << name;
  }
}

TEST(DmNameTest, WhatCannotIsAMistakeOfTheCaller) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("control"),
        std::string("a/b"), std::string("a\0b", 3), std::string(128, 'x')}) {
    const Result<void> checked = CheckDmName(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().kind, ErrorKind::kUsage) << name;
  }
}

TEST(DmNameTest, AUuidHasAtMost128Bytes) {
  EXPECT_TRUE(CheckDmUuid(""));
  EXPECT_TRUE(CheckDmUuid(std::string(128, 'u')));
  EXPECT_EQ(CheckDmUuid(std::string(129, 'u')).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(CheckDmUuid(std::string("a\0b", 3)).error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
