#include "catalog/timings.h"

#include <gtest/gtest.h>

#include <limits>

namespace veneer {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

TEST(TimingsTest, ComeBackAsTheyWere) {
  const std::vector<StepTiming> timings{{.step = "attach", .took = Milliseconds(1.25)},
                                        {.step = "say \"hi\"\n", .took = Milliseconds(1.0 / 3)},
                                        {.step = "attach", .took = Milliseconds(0)}};
  const auto decoded = DecodeTimings(EncodeTimings(timings));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, timings);
  EXPECT_EQ(EncodeTimings({}), "[]");
  EXPECT_TRUE(DecodeTimings("[]")->empty());
}

TEST(TimingsTest, WhatCannotBeWrittenIsReplacedSoThatItCanBeRead) {
  const auto decoded = DecodeTimings(EncodeTimings(
      {{.step = "a\xff", .took = Milliseconds(std::numeric_limits<double>::quiet_NaN())},
       {.step = "b", .took = Milliseconds(std::numeric_limits<double>::infinity())}}));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->front().step, "a\xef\xbf\xbd");
  EXPECT_EQ(decoded->front().took, Milliseconds(0));
  EXPECT_EQ(decoded->back().took, Milliseconds(0));
}

TEST(TimingsTest, AnyOtherTextIsCorrupt) {
  for (const char* text :
       {"", "[", "{}", "null", "[1]", "[[]]", "[null]", "[{}]", R"([{"step":"a"}])",
        R"([{"ms":1}])", R"([{"step":1,"ms":1}])", R"([{"step":"a","ms":"1"}])",
        R"([{"step":"a","ms":null}])", R"([{"step":"a","ms":1e999}])",
        R"([{"step":"a","ms":1,"x":2}])", R"([{"step":"a","ms":1}] x)", "[{\"step\":\"\xff\"}]"}) {
    const auto decoded = DecodeTimings(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt) << text;
  }
  EXPECT_FALSE(DecodeTimings(std::string(100'000, '[')));
}

}  // namespace
}  // namespace veneer
