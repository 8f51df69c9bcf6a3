#include "vm/qemu/exec_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veneer {
namespace {

using ::testing::ElementsAre;
using namespace std::string_literals;

constexpr const char* kNonce = "0123456789abcdef";

TEST(ExecFrames, AListSurvivesWithWhateverIsInIt) {
  const auto list = DecodeList(EncodeList({"", "a b", "\0\xff\n"s}));
  ASSERT_TRUE(list);
  EXPECT_THAT(*list, ElementsAre("", "a b", "\0\xff\n"s));
}

TEST(ExecFrames, AListThatLiesAboutItsLengthsIsRefused) {
  EXPECT_FALSE(DecodeList("\0\0"s));
  EXPECT_FALSE(DecodeList("\0\0\0\5abc"s));
  EXPECT_FALSE(DecodeList("\xff\xff\xff\xffxxxx"s));
}

TEST(ExecFrames, WhatWasMeantForAnotherIsPassedOver) {
  ExecFrameReader reader(kNonce);
  reader.Add(EncodeFrame('1', "old output") + "half a fra");
  ASSERT_EQ(reader.Next().value(), std::nullopt);
  reader.Add(EncodeFrame('S', kNonce) + EncodeFrame('1', "mine"));
  EXPECT_EQ(reader.Next().value()->type, 'S');
  EXPECT_EQ(reader.Next().value()->payload, "mine");
  EXPECT_EQ(reader.Next().value(), std::nullopt);
}

TEST(ExecFrames, AFrameComesInAnyPieces) {
  ExecFrameReader reader(kNonce);
  const std::string bytes = EncodeFrame('S', kNonce) + EncodeFrame('2', "text");
  std::string types;
  for (const char c : bytes) {
    reader.Add(std::string(1, c));
    if (const auto frame = reader.Next().value()) types += frame->type;
  }
  EXPECT_EQ(types, "S2");
}

TEST(ExecFrames, AGuestThatLiesAboutALengthOrATypeIsCorrupt) {
  for (const std::string& lie : {"1\xff\xff\xff\xff"s, "Z\0\0\0\0"s}) {
    ExecFrameReader reader(kNonce);
    reader.Add(EncodeFrame('S', kNonce) + lie);
    ASSERT_TRUE(reader.Next().value());
    EXPECT_EQ(reader.Next().error().kind, ErrorKind::kCorrupt);
  }
}

TEST(ExecFrames, AFloodBeforeTheAnswerHasAnEnd) {
  ExecFrameReader reader(kNonce);
  Result<std::optional<ExecFrame>> next = std::optional<ExecFrame>();
  for (unsigned n = 0; n < 400 && next; ++n) {
    reader.Add(std::string(65536, 'S'));
    next = reader.Next();
  }
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind, ErrorKind::kCorrupt);
}

TEST(ExecFrames, EndsAreStatusesSignalsAndReasons) {
  const auto end = [](const std::string& kind, const std::string& number) {
    return DecodeEnd(EncodeList({kind, number, "why\n"}));
  };
  EXPECT_EQ(ShellStatus(end("exit", "7").value()), 7);
  EXPECT_EQ(ShellStatus(end("signal", "9").value()), 137);
  EXPECT_EQ(end("failed", "0").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(end("failed", "0").error().what, "why ");
  for (const char* number : {"256", "-1", "", "1x"}) {
    EXPECT_EQ(end("exit", number).error().kind, ErrorKind::kCorrupt) << number;
  }
  EXPECT_EQ(end("signal", "65").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(end("vanished", "0").error().kind, ErrorKind::kCorrupt);
}

TEST(ExecFrames, ARequestThatNoGuestCouldTakeIsRefused) {
  EXPECT_EQ(EncodeRun({.argv = {}}, kNonce).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(EncodeRun({.argv = {"a\0b"s}}, kNonce).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(EncodeRun({.argv = {"ls"}, .environment = {"A"}}, kNonce).error().kind,
            ErrorKind::kUsage);
  EXPECT_EQ(EncodeRun({.argv = {"ls", std::string(70'000, 'x')}}, kNonce).error().kind,
            ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
