#include "vm/qemu/message.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(VmMessages, AnswersErrorsAndTheRest) {
  EXPECT_EQ(DecodeMessage(R"({"return": {"pid": 5}})").value().value["pid"], 5);
  const auto error = DecodeMessage(R"({"error": {"class": "A", "desc": "it is so"}})");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, VmMessage::Kind::kError);
  EXPECT_EQ(error->error, "it is so");
  EXPECT_EQ(DecodeMessage(R"({"event": "STOP"})").value().kind, VmMessage::Kind::kOther);
  EXPECT_EQ(DecodeMessage(R"({"error": 5})").value().kind, VmMessage::Kind::kError);
}

TEST(VmMessages, AnythingElseIsCorrupt) {
  for (const char* text : {"", "{", "5", "[]", "{\"return\": nul}"}) {
    EXPECT_EQ(DecodeMessage(text).error().kind, ErrorKind::kCorrupt) << text;
  }
}

TEST(VmMessages, DepthAndLengthHaveLimits) {
  const auto nested = [](std::size_t depth) {
    return "{\"return\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(DecodeMessage(nested(31)));
  EXPECT_FALSE(DecodeMessage(nested(32)));
  EXPECT_TRUE(DecodeMessage(R"({"return": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[["})"));
  EXPECT_FALSE(DecodeMessage("{\"return\":\"" + std::string(LineBuffer::kLongest, 'x') + "\"}"));
}

TEST(LineBuffer, CutsLinesAndForgetsWhatComesBeforeTheMark) {
  LineBuffer lines;
  lines.Add("one\ntw");
  EXPECT_EQ(lines.Next().value(), "one");
  EXPECT_EQ(lines.Next().value(), std::nullopt);
  lines.Add("o\nleft over\xff{}\n");
  EXPECT_EQ(lines.Next().value(), "two");
  EXPECT_EQ(lines.Next().value(), "{}");
}

TEST(LineBuffer, ALineThatDoesNotEndIsCorrupt) {
  LineBuffer lines;
  lines.Add(std::string(LineBuffer::kLongest + 1, 'x'));
  EXPECT_EQ(lines.Next().error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace veneer
