#include "app/demo/step_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace veneer {
namespace {

using std::chrono::microseconds;

TEST(StepLog, DurationsHaveThreeDigits) {
  EXPECT_EQ(RenderDuration(microseconds(812)), "0.8 ms");
  EXPECT_EQ(RenderDuration(microseconds(123'400)), "123 ms");
  EXPECT_EQ(RenderDuration(microseconds(15'230'000)), "15.2 s");
}

TEST(StepLog, StepsStandInColumns) {
  const std::vector<Step> steps = {
      {.name = "create",
       .time = microseconds(1000),
       .bytes = Footprint{.used = KiB(8), .changed = KiB(4)}},
      {.name = "flatten", .time = microseconds(2000), .bytes = Footprint{.used = MiB(3)}},
      {.name = "attach it", .time = microseconds(20'000)}};
  EXPECT_EQ(RenderSteps(steps),
            "STEP         TIME     USED  CHANGED\n"
            "create     1.0 ms  8.0 KiB  4.0 KiB\n"
            "flatten    2.0 ms  3.0 MiB\n"
            "attach it   20 ms\n");
}

TEST(StepLog, AStepThatFailsIsNotRecorded) {
  StepLog log;
  ASSERT_TRUE(log.Run("good", [] { return Result<void>(); }));
  log.Note({.used = KiB(4)});
  const auto bad = log.Run("bad", []() -> Result<void> { return Fail(ErrorKind::kFailed, "no"); });
  EXPECT_EQ(bad.error().what, "no");
  ASSERT_EQ(log.steps().size(), 1U);
  const nlohmann::ordered_json step = StepsJson(log.steps()).at(0);
  EXPECT_EQ(step.at("used_bytes"), 4096);
  EXPECT_TRUE(step.at("changed_bytes").is_null());
}

}  // namespace
}  // namespace veneer
