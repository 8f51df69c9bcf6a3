#include "api/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace veneer::api {
namespace {

class NoSession final : public Session {
 public:
  [[nodiscard]] Host host() override { std::abort(); }  // the jobs here ask for none
};

std::vector<std::unique_ptr<Session>> Sessions(unsigned count) {
  std::vector<std::unique_ptr<Session>> sessions;
  sessions.reserve(count);
  for (unsigned n = 0; n < count; ++n) sessions.push_back(std::make_unique<NoSession>());
  return sessions;
}

TEST(WorkerPool, DoesWhatItHasTakenAlsoAtItsEnd) {
  std::atomic<int> done = 0;
  {
    WorkerPool pool(Sessions(3), 100);
    for (int n = 0; n < 100; ++n) EXPECT_TRUE(pool.TryPost([&](Session& /*session*/) { ++done; }));
  }
  EXPECT_EQ(done, 100);
}

TEST(WorkerPool, OneJobTooManyIsRefused) {
  std::promise<void> started;
  std::promise<void> go_on;
  WorkerPool pool(Sessions(1), 1);
  ASSERT_TRUE(pool.TryPost([&](Session& /*session*/) {
    started.set_value();
    go_on.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.TryPost([](Session& /*session*/) {}));
  EXPECT_FALSE(pool.TryPost([](Session& /*session*/) {}));
  go_on.set_value();
}

TEST(WorkerPool, WithoutAQueueAJobIsTakenByWhoeverIsFree) {
  std::promise<void> go_on;
  const std::shared_future<void> gone_on = go_on.get_future().share();
  WorkerPool pool(Sessions(2), 0);
  EXPECT_TRUE(pool.TryPost([=](Session& /*session*/) { gone_on.wait(); }));
  EXPECT_TRUE(pool.TryPost([=](Session& /*session*/) { gone_on.wait(); }));
  EXPECT_FALSE(pool.TryPost([](Session& /*session*/) {}));
  go_on.set_value();
}

}  // namespace
}  // namespace veneer::api
