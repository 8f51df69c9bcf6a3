#include "api/exec_command.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "sandbox/testing/sandbox_test.h"

namespace veneer::api {
namespace {

using Kind = ExecCommand::News::Kind;

// A machine that says so much, and hears whether somebody wants it.
class TalkativeVmm final : public Vmm {
 public:
  Result<VmReport> Start(const VmSpec& /*spec*/) override { return VmReport{}; }
  Result<VmReport> Restore(const VmSpec& /*spec*/, const std::string& /*state*/,
                           SavedMemory /*memory*/,
                           const std::function<Result<void>()>& /*before*/) override {
    return VmReport{};
  }
  Result<SaveReport> Save(const std::string& /*id*/, const SaveRequest& /*request*/) override {
    return SaveReport{};
  }
  Result<std::vector<std::string>> GoOn(const std::string& /*id*/) override {
    return std::vector<std::string>();
  }
  Result<std::vector<VmStep>> MoveMemoryOut(const VmSpec& /*spec*/,
                                            const std::string& /*state*/) override {
    return std::vector<VmStep>{};
  }
  Result<ExecEnd> Exec(const std::string& /*id*/, const ExecRequest& request) override {
    for (unsigned n = 0; n < pieces; ++n) {
      VENEER_TRY(request.check());
      const ExecStream stream = n % 2 == 0 ? ExecStream::kOutput : ExecStream::kErrors;
      VENEER_TRY(request.output(stream, std::string(32768, static_cast<char>('a' + n % 26))));
      ++said;
    }
    if (const auto number = request.signal()) {
      return ExecEnd{.outcome = ExecOutcome::kSignalled, .number = *number};
    }
    return ExecEnd{.number = 7};
  }
  Result<void> Stop(const std::string& /*id*/) override { return {}; }
  Result<VmStatus> Status(const std::string& /*id*/) override { return VmStatus{}; }
  Result<ConsoleText> Console(const std::string& /*id*/, std::uint64_t /*from*/) override {
    return ConsoleText{};
  }

  unsigned pieces = 3;
  std::atomic<unsigned> said = 0;
};

class ExecCommandTest : public veneer::testing::SandboxTest {
 protected:
  ExecCommandTest() {
    SandboxRecord record = Create("one");
    record.machine = MachineRecord{.memory = MiB(64), .network = "none"};
    EXPECT_TRUE(catalog_->Update(record));
  }

  // Runs it in a thread of its own, as the daemon does.
  std::thread Begin(const std::string& sandbox = "one") {
    return std::thread([this, sandbox] {
      command_.Run({.catalog = *catalog_,
                    .backends = backends_,
                    .vmm = talkative_,
                    .layout = layout_,
                    .log = log_,
                    .reserve = {},
                    .now = host_.now,
                    .boot_id = host_.boot_id,
                    .collect = host_.collect},
                   sandbox);
    });
  }
  void WaitForRing() {
    while (rings_ == 0) std::this_thread::yield();
  }

  TalkativeVmm talkative_;
  std::atomic<unsigned> rings_ = 0;
  ExecCommand command_{ExecRequest{.argv = {"true"}}, UniqueFd(), [this] { ++rings_; }};
};

TEST_F(ExecCommandTest, WhatItSaysArrivesInOrderAndThenItsEnd) {
  Begin().join();
  EXPECT_EQ(command_.Next().message, "\1" + std::string(32768, 'a'));
  EXPECT_EQ(command_.Next().message, "\2" + std::string(32768, 'b'));
  EXPECT_EQ(command_.Next().message, "\1" + std::string(32768, 'c'));
  EXPECT_EQ(command_.Next().kind, Kind::kOver);
  ASSERT_TRUE(command_.end());
  EXPECT_EQ(ShellStatus(*command_.end()), 7);
  EXPECT_EQ(rings_, 4U);
}

TEST_F(ExecCommandTest, ItWaitsForAReaderWhoIsSlow) {
  talkative_.pieces = 1000;
  std::thread running = Begin();
  WaitForRing();
  unsigned heard = 0;
  for (ExecCommand::News news; news.kind != Kind::kOver; news = command_.Next()) {
    if (news.kind == Kind::kOutput) ++heard;
    constexpr std::size_t kMostPieces = ExecCommand::kMostWaiting / 32768 + 1;
    EXPECT_LE(talkative_.said, heard + kMostPieces);
  }
  running.join();
  EXPECT_EQ(heard, 1000U);
}

TEST_F(ExecCommandTest, WhoDoesNotWantItAnyMoreEndsItAlsoWhileItWaits) {
  talkative_.pieces = 1000;
  std::thread running = Begin();
  while (talkative_.said < ExecCommand::kMostWaiting / 32768) std::this_thread::yield();
  command_.End({ErrorKind::kFailed, 0, "gone", ""});
  running.join();
  EXPECT_EQ(command_.Next().kind, Kind::kOver);
  ASSERT_FALSE(command_.end());
  EXPECT_EQ(command_.end().error().what, "gone");
}

TEST_F(ExecCommandTest, WhatIsCutAfterItsEndHasNotGoneWell) {
  Begin().join();
  EXPECT_EQ(command_.Next().kind, Kind::kOutput);
  command_.End({ErrorKind::kFailed, 0, "gone", ""});
  EXPECT_EQ(command_.Next().kind, Kind::kOver);
  ASSERT_FALSE(command_.end());
  EXPECT_EQ(command_.end().error().what, "gone");
}

TEST_F(ExecCommandTest, WhatEndsWithoutSeeingThatItIsUnwantedHasNotGoneWell) {
  talkative_.pieces = 0;
  command_.End({ErrorKind::kFailed, 0, "gone", ""});
  Begin().join();
  ASSERT_FALSE(command_.end());
  EXPECT_EQ(command_.end().error().what, "gone");
}

TEST_F(ExecCommandTest, WhoWasHeardToItsEndHasEndedAsItDid) {
  Begin().join();
  while (command_.Next().kind != Kind::kOver) continue;
  command_.End({ErrorKind::kFailed, 0, "gone", ""});
  ASSERT_TRUE(command_.end());
  EXPECT_EQ(ShellStatus(*command_.end()), 7);
}

TEST_F(ExecCommandTest, WhatIsRungMayGoOnceItIsOver) {
  const auto rung = std::make_shared<int>(0);
  ExecCommand command{ExecRequest{.argv = {"true"}}, UniqueFd(), [rung] { ++*rung; }};
  command.Run(host_, "none");
  EXPECT_EQ(command.Next().kind, Kind::kOver);
  EXPECT_EQ(*rung, 1);
  EXPECT_EQ(rung.use_count(), 1);
}

TEST_F(ExecCommandTest, ASignalIsHandedOn) {
  command_.Signal(15);
  Begin().join();
  ASSERT_TRUE(command_.end());
  EXPECT_EQ(command_.end()->number, 15);
}

TEST_F(ExecCommandTest, WhatCannotBeRunIsItsEnd) {
  Begin("none").join();
  EXPECT_EQ(command_.Next().kind, Kind::kOver);
  ASSERT_FALSE(command_.end());
  EXPECT_EQ(command_.end().error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer::api
