#include "app/progress_bar.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RenderProgress, ShowsPartRateAndTimeLeft) {
  EXPECT_EQ(RenderProgress("flatten", MiB(50), MiB(200), seconds(2)),
            "flatten  [######------------------]  25 %  50 MiB of 200 MiB  25 MiB/s  6 s left");
}

TEST(RenderProgress, GivesNoRateBeforeItMeansSomething) {
  EXPECT_EQ(RenderProgress("flatten", MiB(100), MiB(200), milliseconds(10)),
            "flatten  [############------------]  50 %  100 MiB of 200 MiB");
}

TEST(RenderProgress, LongTimesAreInMinutesAndHours) {
  EXPECT_TRUE(RenderProgress("x", MiB(1), MiB(126), seconds(1)).ends_with("2 min 05 s left"));
  EXPECT_TRUE(RenderProgress("x", MiB(1), MiB(7261), seconds(1)).ends_with("2 h 01 min left"));
}

TEST(RenderDoing, WhatIsDoneAndSinceWhen) {
  EXPECT_EQ(RenderDoing("build", "downloading packages", seconds(75)),
            "build  downloading packages  1 min 15 s");
}

TEST(RenderProgress, NothingToDoIsDone) {
  EXPECT_EQ(RenderProgress("x", Bytes(0), Bytes(0), milliseconds(0)),
            "x  [########################] 100 %  0 B of 0 B");
}

}  // namespace
}  // namespace veneer
