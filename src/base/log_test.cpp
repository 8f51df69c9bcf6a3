#include "base/log.h"

#include <gmock/gmock.h>

namespace veneer {
namespace {

using ::testing::Eq;

TEST(LogTest, AStepIsOneLineOfMembers) {
  const LogEvent event{.level = LogLevel::kDebug,
                       .verb = "create",
                       .object = "sb-0000000a",
                       .step = "attach",
                       .took = std::chrono::microseconds(2500)};
  EXPECT_EQ(LogFields(event),
            R"("verb":"create","object":"sb-0000000a","step":"attach","ms":2.5,"outcome":"done")");
}

TEST(LogTest, WhatIsNotKnownIsLeftOut) {
  EXPECT_EQ(LogFields({.verb = "recover"}), R"("verb":"recover","outcome":"done")");
}

TEST(LogTest, NothingInATextEndsTheLineOrTheMember) {
  const LogEvent event{
      .verb = "pause", .object = "a\"b", .outcome = "failed", .detail = "x\ny\xff"};
  EXPECT_EQ(LogFields(event), R"("verb":"pause","object":"a\"b","outcome":"failed","detail":"x\ny)"
                              "\xEF\xBF\xBD\"");
}

TEST(LogTest, WhatIsRefusedIsAWarningAndWhatFailsAnError) {
  EXPECT_EQ(LevelOf({ErrorKind::kConflict, 0, "", ""}), LogLevel::kWarning);
  EXPECT_EQ(LevelOf({ErrorKind::kNotFound, 0, "", ""}), LogLevel::kWarning);
  EXPECT_EQ(LevelOf({ErrorKind::kNoSpace, 0, "", ""}), LogLevel::kError);
  EXPECT_EQ(LevelOf({ErrorKind::kCorrupt, 0, "", ""}), LogLevel::kError);
}

TEST(LogTest, LevelsHaveNames) {
  EXPECT_THAT(LogLevelNamed("debug").value(), Eq(LogLevel::kDebug));
  EXPECT_THAT(LogLevelNamed("off").value(), Eq(LogLevel::kOff));
  const auto other = LogLevelNamed("loud");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
