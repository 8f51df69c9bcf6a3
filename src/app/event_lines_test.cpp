#include "app/event_lines.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

// What is printed of a stream.
std::string Printed(const std::vector<std::string>& lines, OutputStyle style = OutputStyle::kText) {
  EventLines events;
  std::string text;
  for (const std::string& line : lines) text += events.Take(line, style).value_or("");
  return text;
}

TEST(EventLines, AnOperationIsOneLineWhenItEnds) {
  EXPECT_EQ(Printed({"id: x-1", "event: operation",
                     R"(data: {"at":"T","verb":"pause","object":"web","phase":"ended",)"
                     R"("outcome":"conflict","took_ms":8.25,"detail":"it is paused"})",
                     ""}),
            "T  pause web: conflict in 8.2 ms: it is paused\n");
}

TEST(EventLines, WhatWatchersFindIsToldAsItIs) {
  EXPECT_EQ(Printed({"event: watch",
                     R"(data: {"at":"T","watch":"room","object":"host","detail":"full"})", ""}),
            "T  room host: full\n");
}

TEST(EventLines, InJsonEachEventIsALine) {
  EXPECT_EQ(Printed({"id: x-1", "event: watch", R"(data: {"a":1})", ""}, OutputStyle::kJson),
            "{\"id\":\"x-1\",\"event\":\"watch\",\"data\":{\"a\":1}}\n");
}

TEST(EventLines, SignsOfLifeAndNonsensePrintNothingOrSomethingHarmless) {
  EXPECT_EQ(Printed({":", "", "", ":", ""}), "");
  EXPECT_EQ(Printed({"event: x\x1b[31m", "data: {", ""}), "x?[31m\n");
}

}  // namespace
}  // namespace veneer
