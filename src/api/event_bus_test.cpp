#include "api/event_bus.h"

#include <gtest/gtest.h>

namespace veneer::api {
namespace {

using Subscription = EventBus::Subscription;

std::string Said(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) text += event.type == "missed" ? "?" : event.data;
  return text;
}

TEST(EventBus, WhoListensHearsWhatHappensFromThenOn) {
  EventBus bus("x");
  bus.Publish("step", "a");
  int woken = 0;
  Subscription ear(bus, "", [&] { ++woken; });
  EXPECT_EQ(Said(ear.Take()), "");
  bus.Publish("step", "b");
  bus.Publish("step", "c");
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(Said(ear.Take()), "bc");
  EXPECT_EQ(Said(ear.Take()), "");
}

TEST(EventBus, WhoWasAwayGoesOnBehindTheLastThatHeHeard) {
  EventBus bus("x");
  for (const char* data : {"a", "b", "c"}) bus.Publish("step", data);
  EXPECT_EQ(Said(Subscription(bus, "x-1", [] {}).Take()), "bc");
  EXPECT_EQ(Said(Subscription(bus, "x-3", [] {}).Take()), "");
}

TEST(EventBus, WhoMissedSomethingIsTold) {
  EventBus bus("x");
  for (std::size_t n = 0; n < EventBus::kKept + 2; ++n) bus.Publish("step", ".");
  Subscription ear(bus, "x-1", [] {});
  const auto events = ear.Take();
  ASSERT_EQ(events.size(), EventBus::kKept + 1);
  EXPECT_EQ(events[0].type, "missed");
  EXPECT_EQ(events[0].id, "x-2");
  EXPECT_EQ(events[1].id, "x-3");
  EXPECT_EQ(Said(Subscription(bus, "x-2", [] {}).Take()), std::string(EventBus::kKept, '.'));
}

TEST(EventBus, AnIdOfAnotherDaemonOrOfNoneIsLongAgo) {
  EventBus bus("x");
  bus.Publish("step", "a");
  for (const char* id : {"y-1", "x-2", "x-", "x", "x--1", "1", "x-99999999999999999999"}) {
    EXPECT_EQ(Said(Subscription(bus, id, [] {}).Take()), "?a") << id;
  }
}

TEST(EventBus, WhoHasGoneIsNotWoken) {
  EventBus bus("x");
  int woken = 0;
  {
    const Subscription ear(bus, "", [&] { ++woken; });
  }
  bus.Publish("step", "a");
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace veneer::api
