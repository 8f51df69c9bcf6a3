#include "api/exec_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veneer::api {
namespace {

using ::testing::ElementsAre;

TEST(ExecBody, ACommandIsWhatItSays) {
  const auto body = DecodeExec(
      R"({"argv":["sh","-c","a\nb"],"env":{"A":"1=2","B":""},"cwd":"/srv","user":"nobody",)"
      R"("timeout_ms":1500,"output_limit":10,"input":"typed\n"})");
  ASSERT_TRUE(body) << body.error().what;
  EXPECT_THAT(body->request.argv, ElementsAre("sh", "-c", "a\nb"));
  EXPECT_THAT(body->request.environment, ElementsAre("A=1=2", "B="));
  EXPECT_EQ(body->request.directory, "/srv");
  EXPECT_EQ(body->request.user, "nobody");
  EXPECT_EQ(body->request.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(body->request.output_limit, Bytes(10));
  EXPECT_EQ(body->input, "typed\n");
}

TEST(ExecBody, AnAnswerHasALimitAndAStreamHasNone) {
  const auto answer = DecodeExec(R"({"argv":["ls"]})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->request.output_limit, kDefaultExecOutput);
  const auto opening = DecodeOpening(R"({"argv":["cat"],"stdin":true})");
  ASSERT_TRUE(opening);
  EXPECT_FALSE(opening->request.output_limit);
  EXPECT_EQ(opening->input, ExecInput::kFollows);
}

TEST(ExecBody, WhatIsNoCommandIsRefused) {
  for (const char* text :
       {"", "{}", "[]", R"({"argv":[]})", R"({"argv":"ls"})", R"({"argv":[1]})",
        R"({"argv":["a\u0000b"]})", R"({"argv":["ls"],"env":["A=1"]})",
        R"({"argv":["ls"],"env":{"A=B":"1"}})", R"({"argv":["ls"],"env":{"":"1"}})",
        R"({"argv":["ls"],"env":{"A":1}})", R"({"argv":["ls"],"timeout_ms":0})",
        R"({"argv":["ls"],"timeout_ms":1.5})", R"({"argv":["ls"],"stdin":1})",
        R"({"argv":["ls"],"more":1})"}) {
    EXPECT_FALSE(DecodeExec(text)) << text;
    EXPECT_FALSE(DecodeOpening(text)) << text;
  }
  EXPECT_FALSE(DecodeExec(R"({"argv":["ls"],"output_limit":16777217})"));
  EXPECT_FALSE(DecodeExec(R"({"argv":["ls"],"stdin":true})"));
  EXPECT_FALSE(DecodeOpening(R"({"argv":["ls"],"input":"x"})"));
}

TEST(ExecBody, ASignalIsANumberOfOne) {
  EXPECT_EQ(DecodeSignal(R"({"signal":15})").value_or(0), 15);
  for (const char* text : {"", "{}", R"({"signal":0})", R"({"signal":65})", R"({"signal":"TERM"})",
                           R"({"signal":-9})", R"({"signal":9,"more":1})"}) {
    EXPECT_FALSE(DecodeSignal(text)) << text;
  }
}

TEST(ExecBody, StdinIsWhatStandsBehindItsTag) {
  EXPECT_EQ(DecodeInput(std::string("\0\xff\0b", 4)).value_or(""), std::string("\xff\0b", 3));
  EXPECT_EQ(DecodeInput(std::string(1, '\0')).value_or("x"), "");
  EXPECT_FALSE(DecodeInput(""));
  EXPECT_FALSE(DecodeInput("\1x"));
}

}  // namespace
}  // namespace veneer::api
