// DmBackend::Keep on models of the kernel: whoever dies while he holds disks back, nobody waits for
// him.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "backend/dm/dm_backend_fixture.h"
#include "kernel/testing/resource_limit.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;
using testing::FaultMoment;
using ::testing::IsEmpty;

// More than any file system has, and less.
constexpr WriteLease kNoRoom{.mark = Bytes(std::uint64_t{1} << 62U)};
constexpr WriteLease kRoom{.mark = Bytes(0)};

class DmKeepTest : public DmBackendTest {
 protected:
  void SetUp() override { path_ = Attach("a"); }
  void TearDown() override {
    EXPECT_TRUE(backend_.Detach(path_));
    ExpectNothingIsLeft();
  }

  [[nodiscard]] Result<DiskActivity> Keep(const WriteLease& lease) {
    return watcher_->Keep(path_, lease);
  }
  dm::RecordState State() { return dm::ReadRecord(run_ + "/dm", "a").value().state; }
  void ExpectHeld() {
    EXPECT_TRUE(devices_.IsSuspended("veneer-a"));
    EXPECT_EQ(State(), dm::RecordState::kHeld);
  }
  void ExpectRuns() {
    EXPECT_FALSE(devices_.IsSuspended("veneer-a"));
    EXPECT_EQ(State(), dm::RecordState::kAttached);
  }

  std::string path_;
  // As in a process of its own, beside that of the commands.
  std::optional<DmBackend> watcher_{std::in_place, Ports(),
                                    DmPlace{.run_dir = run_, .instance = kInstance},
                                    std::chrono::seconds(0)};
};

TEST_F(DmKeepTest, ADiskIsHeldBackWhileThereIsNoRoom) {
  EXPECT_EQ(Keep(kRoom)->writers, Writers::kGoOn);
  ExpectRuns();
  for (int look = 0; look < 2; ++look) {
    const auto kept = Keep(kNoRoom);
    ASSERT_TRUE(kept) << kept.error().what;
    EXPECT_EQ(kept->writers, Writers::kHeld);
    ExpectHeld();
  }
  EXPECT_EQ(Keep(kRoom)->writers, Writers::kGoOn);
  ExpectRuns();
}

TEST_F(DmKeepTest, AHeldDiskIsAttachedAndGcLeavesItAlone) {
  ASSERT_TRUE(Keep(kNoRoom));
  EXPECT_THAT(backend_.Attached().value(), ElementsAre(path_));
  EXPECT_THAT(Gc().adopted, ElementsAre("a"));
  ExpectHeld();
  EXPECT_EQ(backend_.Attach(Request("a")).error().kind, ErrorKind::kConflict);
}

TEST_F(DmKeepTest, AHeldDiskGrowsAndStaysSo) {
  ASSERT_TRUE(Keep(kNoRoom));
  EXPECT_TRUE(backend_.Grow(path_, MiB(1)));
  ExpectHeld();
}

TEST_F(DmKeepTest, AHeldDiskIsDetached) {
  ASSERT_TRUE(Keep(kNoRoom));
  EXPECT_TRUE(backend_.Detach(path_));
  ExpectNothingIsLeft();
  path_ = Attach("a");
  ExpectRuns();
}

TEST_F(DmKeepTest, ABusyHeldDiskStaysHeld) {
  ASSERT_TRUE(Keep(kNoRoom));
  {
    const auto open = devices_.Open("veneer-a");
    EXPECT_EQ(backend_.Detach(path_).error().kind, ErrorKind::kConflict);
  }
  ExpectHeld();
}

TEST_F(DmKeepTest, WhoIsAboutToTakeItAwayLetsItsUsersGo) {
  ASSERT_TRUE(Keep(kNoRoom));
  EXPECT_TRUE(backend_.LetGo(path_, std::chrono::seconds(30)));
  ExpectRuns();
  EXPECT_TRUE(backend_.LetGo(path_, std::chrono::seconds(30)));
}

TEST_F(DmKeepTest, WhereTheWatcherDiedTheNextCommandLetsUsersGo) {
  ASSERT_TRUE(Keep(kNoRoom));
  watcher_.reset();
  ASSERT_TRUE(backend_.Grow(path_, MiB(1)));
  ExpectRuns();
}

TEST_F(DmKeepTest, WhereTheWatcherDiedGcLetsUsersGo) {
  ASSERT_TRUE(Keep(kNoRoom));
  watcher_.reset();
  EXPECT_THAT(Gc(GcMode::kLook).adopted, ElementsAre("a"));
  ExpectHeld();
  const GcReport report = Gc();
  EXPECT_THAT(report.adopted, ElementsAre("a"));
  EXPECT_THAT(report.removed, IsEmpty());
  ExpectRuns();
}

TEST_F(DmKeepTest, WhereItCannotBeToldWhetherTheWatcherLivesUsersAreHeldOn) {
  ASSERT_TRUE(Keep(kNoRoom));
  auto record = dm::LockedRecord::TakeExisting(run_ + "/dm", "a").value();
  {
    const testing::ResourceLimit no_files(RLIMIT_NOFILE, 0);
    EXPECT_EQ(backend_.EndKilled("a", record).error().kind, ErrorKind::kNoSpace);
  }
  ExpectHeld();
}

TEST_F(DmKeepTest, AnotherInstancesDeviceOfTheNameIsNotLetGo) {
  ASSERT_TRUE(Keep(kNoRoom));
  ASSERT_TRUE(devices_.Remove("veneer-a"));
  devices_.LeaveHalfMade("veneer-a", "VENEER-ffffffffffffffff-a");
  ASSERT_TRUE(devices_.Suspend("veneer-a"));
  ASSERT_TRUE(backend_.LetGo(path_, std::chrono::seconds(0)));
  EXPECT_TRUE(devices_.IsSuspended("veneer-a"));
  ASSERT_TRUE(devices_.Remove("veneer-a"));
  EXPECT_EQ(Gc().removed.size(), 1U);
  path_ = Attach("a");
}

TEST_F(DmKeepTest, TwoDoNotKeepTheSameDisks) {
  ASSERT_TRUE(Keep(kNoRoom));
  MakeStore("b");
  const std::string other = Attach("b");
  EXPECT_EQ(backend_.Keep(other, kNoRoom).error().kind, ErrorKind::kConflict);
  EXPECT_FALSE(devices_.IsSuspended("veneer-b"));
  EXPECT_TRUE(backend_.Detach(other));
}

TEST_F(DmKeepTest, WhateverFailsOnceNobodyWaitsUnlessTheRecordSaysSo) {
  for (const FaultMoment moment : {FaultMoment::kBefore, FaultMoment::kAfter}) {
    const unsigned failures = FailEverywhere(
        moment,
        [&]() -> Result<void> {
          const auto kept = Keep(kNoRoom);
          if (kept) return {};
          return Fail(kept.error());
        },
        [&](const Result<void>& kept) {
          EXPECT_EQ(devices_.IsSuspended("veneer-a"), kept.has_value());
          EXPECT_EQ(State() == dm::RecordState::kHeld, kept.has_value());
          ASSERT_TRUE(backend_.LetGo(path_, std::chrono::seconds(0)));
        });
    EXPECT_GE(failures, 2U);
  }
}

}  // namespace
}  // namespace veneer
