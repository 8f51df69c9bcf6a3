// By what a person may call an object: whole ids, names, beginnings of ids.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "catalog/testing/examples.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using testing::ExampleSandbox;
using testing::ExampleTemplate;
using ::testing::HasSubstr;
using ::testing::Not;

class LookupTest : public ::testing::Test {
 protected:
  LookupTest() { EXPECT_TRUE(catalog_.Add(ExampleTemplate())); }

  void Add(const std::string& id, const std::string& name) {
    ASSERT_TRUE(catalog_.Add(ExampleSandbox(id, name)));
  }
  // The id that it finds, or the kind of the error.
  std::string Find(std::string_view reference) const {
    const auto found = catalog_.Sandbox(reference);
    return found ? found->id : std::string(KindName(found.error().kind));
  }

  testing::TempDirectory directory_;
  Catalog catalog_ = Catalog::Open(directory_ / "state").value();
};

TEST_F(LookupTest, AnIdANameAndAUniqueBeginningFindTheSame) {
  Add("sb-1f00aa00", "one");
  Add("sb-2f00aa00", "two");
  for (const char* reference : {"sb-1f00aa00", "one", "sb-1", "sb-1f00aa0"}) {
    EXPECT_EQ(Find(reference), "sb-1f00aa00") << reference;
  }
  EXPECT_EQ(catalog_.Template("tp-0")->id, "tp-00000001");
}

TEST_F(LookupTest, TheLastHexDigitIsWithinTheRange) {
  Add("sb-ffffffff", "one");
  EXPECT_EQ(Find("sb-fffffff"), "sb-ffffffff");
}

TEST_F(LookupTest, AnIdIsBeforeANameAndANameIsBeforeABeginning) {
  Add("sb-00000001", "1f");
  Add("sb-1f000000", "other");
  EXPECT_EQ(Find("1f"), "sb-00000001");
  // Whoever destroys "1f" twice does not destroy the other one.
  EXPECT_EQ(Find("1f0"), "not_found");
  // RequireName refuses such a name; the catalog must still not mistake one for the other.
  Add("sb-00000003", "sb-00000004");
  Add("sb-00000004", "fourth");
  EXPECT_EQ(Find("sb-00000004"), "sb-00000004");
}

TEST_F(LookupTest, ABeginningOfSeveralIdsIsRefusedAndFiveAreNamed) {
  for (int i = 1; i <= 5; ++i) Add(fmt::format("sb-aa00000{}", i), fmt::format("s{}", i));
  Add("sb-ab000000", "other");
  const auto five = catalog_.Sandbox("sb-aa");
  ASSERT_FALSE(five);
  EXPECT_EQ(five.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(five.error().what, HasSubstr("sb-aa000001, sb-aa000002"));
  EXPECT_THAT(five.error().what, HasSubstr("sb-aa000005"));
  EXPECT_THAT(five.error().what, Not(HasSubstr("and more")));
  const auto six = catalog_.Sandbox("sb-a");
  ASSERT_FALSE(six);
  EXPECT_THAT(six.error().what, HasSubstr("sb-aa000005 and more"));
  EXPECT_THAT(six.error().what, Not(HasSubstr("sb-ab")));
}

TEST_F(LookupTest, WhatIsNotThereIsNotFoundAndTheHintSaysWhereToLook) {
  Add("sb-1f000000", "one");
  for (const char* reference : {"2f", "sb-2f", "on", "sb-1f0000000", "tp-00000001", "two"}) {
    const auto found = catalog_.Sandbox(reference);
    ASSERT_FALSE(found) << reference;
    EXPECT_EQ(found.error().kind, ErrorKind::kNotFound) << reference;
    EXPECT_EQ(found.error().hint, "see what there is: veneer ls");
  }
  EXPECT_THAT(catalog_.Template("sb-1f").error().hint, HasSubstr("veneer template ls"));
}

TEST_F(LookupTest, NothingThatAPersonTypesIsAPattern) {
  Add("sb-1f000000", "one");
  for (const char* reference :
       {"", "sb-", "%", "_", "sb-%", "1_", "o*", "?", "' OR 1=1 --", "1F"}) {
    EXPECT_EQ(Find(reference), "not_found") << reference;
  }
  EXPECT_EQ(catalog_.Template("tp-").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
