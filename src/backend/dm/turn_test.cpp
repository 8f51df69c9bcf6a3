#include "backend/dm/turn.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

namespace veneer::dm {
namespace {

using std::chrono::milliseconds;

TEST(TurnTest, OneHasItAndTheNextGetsItAfterwards) {
  Turn turn;
  std::unique_lock first(turn, milliseconds(0));
  ASSERT_TRUE(first.owns_lock());
  EXPECT_FALSE(std::unique_lock(turn, milliseconds(0)).owns_lock());
  first.unlock();
  EXPECT_TRUE(std::unique_lock(turn, milliseconds(0)).owns_lock());
}

TEST(TurnTest, ThreadsTakeTurns) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 1000;
  Turn turn;
  int count = 0;  // guarded by the turn
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          const std::unique_lock mine(turn, std::chrono::minutes(1));
          if (mine.owns_lock()) ++count;
        }
      });
    }
  }
  EXPECT_EQ(count, kThreads * kRounds);
}

}  // namespace
}  // namespace veneer::dm
