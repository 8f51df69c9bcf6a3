#include "app/output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace veneer {
namespace {

TEST(Output, KeysAndValuesStandInColumns) {
  EXPECT_EQ(RenderKeyValues({{"a", "1"}, {"long key", "2"}}), "a         1\nlong key  2\n");
}

TEST(Output, AnErrorIsOneLineWhateverIsInAFileName) {
  const Error error{ErrorKind::kNotFound, 0, "open a\nb\x1b[2J", "check it"};
  EXPECT_EQ(RenderErrorLine(error), "veneer: open a?b?[2J; check it\n");
}

TEST(Output, AnErrorWithoutAHintGetsAGeneralOne) {
  EXPECT_EQ(RenderErrorLine({ErrorKind::kNoSpace, 0, "write", ""}),
            "veneer: write; make room there, and try again\n");
}

TEST(Output, AnErrorAsJsonHasKindMessageAndHint) {
  EXPECT_EQ(RenderJson(ErrorJson({ErrorKind::kConflict, 0, "busy", "wait"})),
            "{\"error\":{\"kind\":\"conflict\",\"message\":\"busy\",\"hint\":\"wait\"}}\n");
}

TEST(Output, JsonOfANameThatIsNoUtf8IsStillJson) {
  const std::string text = RenderJson(nlohmann::ordered_json{{"path", "a\xff"}});
  EXPECT_EQ(nlohmann::json::parse(text).at("path"), "a\xEF\xBF\xBD");
}

TEST(Output, SizesHaveTheirExactBytesBesideThem) {
  EXPECT_EQ(RenderSize(Bytes(100)), "100 B");
  EXPECT_EQ(RenderSize(KiB(4)), "4.0 KiB (4096 bytes)");
}

}  // namespace
}  // namespace veneer
