#include "catalog/object_lock.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/endian.h"
#include "base/unique_fd.h"
#include "catalog/testing/forked.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using testing::Forked;
using ::testing::HasSubstr;
using testing::Voice;

constexpr const char* kId = "sb-1f00aa00";

class ObjectLockTest : public ::testing::Test {
 protected:
  Result<ObjectLock> Take(const std::string& verb = "pause") const {
    return ObjectLock::Take(locks_, kId, verb);
  }
  Result<ObjectLock> TryTake() const { return ObjectLock::TryTake(locks_, kId, "resume"); }

  // How many have come, by the counter in the file (ticket_file.h).
  std::uint64_t Arrived() const {
    std::array<char, 8> bytes{};
    std::ifstream(path_, std::ios::binary).read(bytes.data(), bytes.size());
    return LoadLittleEndian<std::uint64_t>(std::as_bytes(std::span(bytes)), 0);
  }
  void WaitForArrivals(std::uint64_t count) const {
    ASSERT_TRUE(WaitUntil(std::chrono::minutes(1), [&] { return Arrived() >= count; }));
  }
  // A process that has the lock until it is killed. (The test itself must have none when it forks:
  // the child would have it too.)
  Forked Holder(const std::string& verb) const {
    Forked holder([&](const Voice& voice) {
      const auto lock = Take(verb);
      if (!lock) return false;
      voice.Say(1);
      for (;;) ::pause();
    });
    EXPECT_EQ(holder.Hear(), 1);
    return holder;
  }
  // A process that wants the lock, says so when it has it, and ends.
  Forked Waiter() const {
    const std::uint64_t before = Arrived();
    Forked waiter([&](const Voice& voice) {
      const auto lock = Take();
      voice.Say(lock ? 1 : 0);
      return lock.has_value();
    });
    WaitForArrivals(before + 1);
    return waiter;
  }

  testing::TempDirectory directory_;
  std::string locks_ = directory_ / "state/locks";
  std::string path_ = locks_ + "/" + kId + ".lock";
};

TEST_F(ObjectLockTest, IsFreeAgainWhenItIsDropped) {
  {
    const auto lock = Take();
    ASSERT_TRUE(lock);
    EXPECT_EQ(TryTake().error().kind, ErrorKind::kConflict);
  }
  EXPECT_TRUE(TryTake());
}

TEST_F(ObjectLockTest, OfOneObjectKeepsNobodyFromAnother) {
  const auto lock = Take();
  ASSERT_TRUE(lock);
  EXPECT_TRUE(ObjectLock::TryTake(locks_, "sb-00000002", "pause"));
}

TEST_F(ObjectLockTest, WhoCannotHaveItLearnsWhoHasIt) {
  const Forked holder = Holder("snapshot");
  const std::string name =
      fmt::format("process {} ({})", holder.pid(), ReadLineOr("/proc/self/comm", ""));
  for (const auto& refused :
       {TryTake().error(),
        ObjectLock::Take(locks_, kId, "pause", std::chrono::milliseconds(5)).error()}) {
    EXPECT_EQ(refused.kind, ErrorKind::kConflict);
    EXPECT_THAT(refused.what, HasSubstr(kId));
    EXPECT_THAT(refused.what, HasSubstr(name));
    EXPECT_THAT(refused.what, HasSubstr("snapshot"));
    EXPECT_FALSE(refused.hint.empty());
  }
}

TEST_F(ObjectLockTest, AHolderThatIsKilledHoldsNothing) {
  Forked holder = Holder("pause");
  Forked waiter = Waiter();
  holder.Kill();
  EXPECT_EQ(waiter.Hear(), 1);
  EXPECT_TRUE(waiter.Wait());
  EXPECT_TRUE(TryTake());
}

TEST_F(ObjectLockTest, AWaiterThatIsKilledIsPassedOver) {
  Forked holder = Holder("pause");
  Forked killed = Waiter();
  Forked next = Waiter();
  killed.Kill();
  EXPECT_FALSE(TryTake());
  holder.Kill();
  EXPECT_EQ(next.Hear(), 1);
  EXPECT_TRUE(next.Wait());
}

TEST_F(ObjectLockTest, WhoWaitsKeepsLaterOnesOutEvenWhenTheHolderIsGone) {
  Forked holder = Holder("pause");
  Forked waiter = Waiter();
  ASSERT_EQ(::kill(waiter.pid(), SIGSTOP), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(waiter.pid(), &status, WUNTRACED), waiter.pid());
  holder.Kill();
  EXPECT_EQ(TryTake().error().kind, ErrorKind::kConflict);
  ASSERT_EQ(::kill(waiter.pid(), SIGCONT), 0);
  EXPECT_TRUE(waiter.Wait());
  EXPECT_TRUE(TryTake());
}

TEST_F(ObjectLockTest, IsGivenInTheOrderOfArrival) {
  constexpr unsigned char kWaiters = 6;
  std::array<int, 2> order{};
  ASSERT_EQ(::pipe2(order.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(order[0]);
  const UniqueFd write_end(order[1]);
  Forked holder = Holder("pause");
  std::vector<Forked> waiters;
  for (unsigned char i = 0; i < kWaiters; ++i) {
    waiters.emplace_back([&, i](const Voice&) {
      const auto lock = Take();
      return lock && ::write(write_end.get(), &i, 1) == 1;
    });
    WaitForArrivals(i + 2U);
  }
  holder.Kill();
  for (unsigned char i = 0; i < kWaiters; ++i) {
    unsigned char next = 0;
    ASSERT_EQ(::read(read_end.get(), &next, 1), 1);
    EXPECT_EQ(next, i);
  }
  for (Forked& waiter : waiters) EXPECT_TRUE(waiter.Wait());
}

TEST_F(ObjectLockTest, OneProcessHasItAtATime) {
  constexpr int kProcesses = 4;
  constexpr int kRounds = 25;
  const std::string counter = directory_ / "counter";
  std::ofstream(counter) << 0;
  std::vector<Forked> processes;
  processes.reserve(kProcesses);
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&](const Voice&) {
      for (int round = 0; round < kRounds; ++round) {
        const auto lock = Take();
        if (!lock) return false;
        int count = 0;
        std::ifstream(counter) >> count;
        std::ofstream(counter) << count + 1;
      }
      return true;
    });
  }
  for (Forked& process : processes) EXPECT_TRUE(process.Wait());
  EXPECT_EQ(ReadLineOr(counter, ""), std::to_string(kProcesses * kRounds));
}

TEST_F(ObjectLockTest, OneThreadHasItAtATime) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 10;
  std::atomic<int> inside = 0;
  std::atomic<int> turns = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          const auto lock = Take();
          ASSERT_TRUE(lock) << lock.error().what;
          EXPECT_EQ(inside.fetch_add(1), 0);
          std::this_thread::yield();
          inside.fetch_sub(1);
          ++turns;
        }
      });
    }
  }
  EXPECT_EQ(turns, kThreads * kRounds);
}

TEST_F(ObjectLockTest, AForgottenObjectLeavesNoFile) {
  std::move(*Take()).Forget();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(TryTake());
}

TEST_F(ObjectLockTest, WhoWaitsForAForgottenObjectGetsANewFile) {
  std::optional<ObjectLock> first = Take().value();
  std::optional<Result<ObjectLock>> second;
  {
    const std::jthread waiter([&] { second = Take(); });
    WaitForArrivals(2);
    std::move(*first).Forget();
  }
  ASSERT_TRUE(second && *second) << "the waiter must come through";
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(Arrived(), 1U);
  EXPECT_EQ(TryTake().error().kind, ErrorKind::kConflict);
}

TEST_F(ObjectLockTest, NothingButAnIdBecomesAFileName) {
  for (const char* id : {"", "../x", "a/b", "A", "a b", "a\n", "\xc3\xa4"}) {
    EXPECT_EQ(ObjectLock::TryTake(locks_, id, "pause").error().kind, ErrorKind::kUsage) << id;
  }
  EXPECT_FALSE(std::filesystem::exists(locks_));
  EXPECT_TRUE(ObjectLock::TryTake(locks_, "a.b_c-9", "pause"));
}

}  // namespace
}  // namespace veneer
