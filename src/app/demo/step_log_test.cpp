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
  const std::vector<Step> steps = {{"create", microseconds(1000), KiB(8)},
                                   {"attach it", microseconds(20'000), std::nullopt}};
  EXPECT_EQ(RenderSteps(steps),
            "step            time    on disk\n"
            "-------------------------------\n"
            "create        1.0 ms    8.0 KiB\n"
            "attach it      20 ms           \n");
}

TEST(StepLog, AStepThatFailsIsNotRecorded) {
  StepLog log;
  ASSERT_TRUE(log.Run("good", [] { return Result<void>(); }));
  log.NoteOnDisk(KiB(4));
  const auto bad = log.Run("bad", []() -> Result<void> { return Fail(ErrorKind::kFailed, "no"); });
  EXPECT_EQ(bad.error().what, "no");
  ASSERT_EQ(log.steps().size(), 1U);
  EXPECT_EQ(StepsJson(log.steps()).at(0).at("bytes_on_disk"), 4096);
}

}  // namespace
}  // namespace veneer
