#include "kernel/linux/dm_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veneer {
namespace {

using ::testing::HasSubstr;

TEST(DmFunctionsTest, AreThoseOfTheInstalledLibrary) {
  const Result<const DmFunctions*> functions = LoadedDmFunctions();
  ASSERT_TRUE(functions) << functions.error().what;
  // This much it does without device-mapper, too.
  EXPECT_EQ((*functions)->set_name_mangling_mode(DM_STRING_MANGLING_NONE), 1);
}

TEST(DmFunctionsTest, AMissingLibraryIsNamed) {
  const Result<DmFunctions> functions = LoadDmFunctions("libdevmapper-is-not-here.so");
  ASSERT_FALSE(functions);
  EXPECT_EQ(functions.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(functions.error().what, HasSubstr("libdevmapper-is-not-here.so"));
  EXPECT_THAT(functions.error().hint, HasSubstr("apt-get install"));
}

TEST(DmFunctionsTest, ALibraryWithoutTheFunctionsIsRefused) {
  const Result<DmFunctions> functions = LoadDmFunctions("libc.so.6");
  ASSERT_FALSE(functions);
  EXPECT_EQ(functions.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(functions.error().what, HasSubstr("dm_log_with_errno_init"));
}

}  // namespace
}  // namespace veneer
