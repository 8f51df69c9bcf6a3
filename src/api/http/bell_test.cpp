#include "api/http/bell.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

namespace veneer::api {
namespace {

constexpr std::chrono::hours kForEver{1};

class BellTest : public ::testing::Test {
 protected:
  void BeginToWait() {
    heard_.reset();
    asio::co_spawn(context_, Wait(), asio::detached);
  }
  // All that can be done without waiting for time to go by.
  void GoOn() {
    context_.restart();
    context_.poll();
  }

  asio::io_context context_{1};
  Bell bell_{context_.get_executor()};
  std::optional<Bell::Heard> heard_{};

 private:
  Task<void> Wait() { heard_ = co_await bell_.Wait(kForEver); }
};

TEST_F(BellTest, ARingEndsTheWait) {
  BeginToWait();
  GoOn();
  EXPECT_FALSE(heard_);
  bell_.Ringer()();
  GoOn();
  EXPECT_EQ(heard_, Bell::Heard::kRing);
}

TEST_F(BellTest, ARingBeforeTheWaitIsNotMissed) {
  bell_.Ringer()();
  GoOn();
  BeginToWait();
  GoOn();
  EXPECT_EQ(heard_, Bell::Heard::kRing);
}

TEST_F(BellTest, ARingIsHeardOnce) {
  bell_.Ring();
  bell_.Ring();
  BeginToWait();
  GoOn();
  EXPECT_EQ(heard_, Bell::Heard::kRing);
  BeginToWait();
  GoOn();
  EXPECT_FALSE(heard_);
}

}  // namespace
}  // namespace veneer::api
