#include "api/disk_rounds.h"

#include <gtest/gtest.h>

#include "api/metrics.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer::api {
namespace {

using veneer::testing::FakeBackend;

// Marks that no file system reaches, and that each does.
constexpr HoldRule kAlways{.below = {.percent = 0, .size = GiB(std::uint64_t{1} << 30U)}};
constexpr HoldRule kNever{.below = {.percent = 0, .size = Bytes(0)}};

class DiskRoundsTest : public veneer::testing::SandboxTest {
 protected:
  FakeBackend& BackendOf(const SandboxRecord& sandbox) {
    return static_cast<FakeBackend&>(**backends_.Named(sandbox.backend));
  }
  TroubleBook::Tell Tell() {
    return [this](const Finding& each) { told_.push_back(each.watch + " " + each.object); };
  }

  std::vector<std::string> told_;
};

using Told = std::vector<std::string>;

TEST_F(DiskRoundsTest, WithRoomEachDiskIsReadAndNoneIsHeld) {
  const SandboxRecord web = Create("web");
  Create("db");
  ASSERT_TRUE(lifecycle_.Pause("db"));
  DiskRounds rounds(host_, kNever, Tell());
  const auto readings = rounds.Go();
  EXPECT_EQ(told_, Told());
  ASSERT_EQ(readings.size(), 1U);
  EXPECT_EQ(readings[0].id, web.id);
  EXPECT_EQ(readings[0].name, "web");
  EXPECT_GT(readings[0].activity.fill.capacity, Bytes(0));
  EXPECT_FALSE(BackendOf(web).IsHeld(*web.path));
  EXPECT_FALSE(rounds.IsUrgent());
}

TEST_F(DiskRoundsTest, WithoutRoomAllAreHeldAndNewOnesToo) {
  const SandboxRecord web = Create("web");
  DiskRounds rounds(host_, kAlways, Tell());
  EXPECT_TRUE(rounds.IsUrgent());
  EXPECT_EQ(rounds.Go()[0].activity.writers, Writers::kHeld);
  EXPECT_EQ(told_, Told{"hold host"});
  EXPECT_TRUE(BackendOf(web).IsHeld(*web.path));
  const SandboxRecord late = Create("late");
  EXPECT_TRUE(rounds.IsUrgent());
  rounds.Go();
  EXPECT_TRUE(BackendOf(late).IsHeld(*late.path));
  EXPECT_EQ(told_, Told{"hold host"}) << "once";
  rounds.End();
  EXPECT_FALSE(BackendOf(late).IsHeld(*late.path));
}

TEST_F(DiskRoundsTest, ADiskThatCannotBeHeldIsATroubleAndTheOthersAreHeld) {
  Create("web");
  Create("db");
  const SandboxRecord web = Recorded("web");
  DiskRounds rounds(host_, kAlways, Tell());
  const Error broken{ErrorKind::kFailed, EIO, "no answer", ""};
  BackendOf(web).FailNext(FakeBackend::Op::kKeep, broken);
  EXPECT_EQ(rounds.Go().size(), 1U);
  EXPECT_EQ(told_.size(), 2U) << "the host, and one sandbox";
  const Error at_work{ErrorKind::kConflict, EBUSY, "a clone", ""};
  BackendOf(web).FailNext(FakeBackend::Op::kKeep, at_work);
  told_.clear();
  rounds.Go();
  EXPECT_EQ(told_.size(), 1U) << "it is well again: what will be over is no trouble";
}

TEST_F(DiskRoundsTest, ADiskThatIsBeingTakenAwayIsNoTrouble) {
  const SandboxRecord web = Create("web");
  DiskRounds rounds(host_, kAlways, Tell());
  const Error died{ErrorKind::kFailed, EPIPE, "its server died before it answered", ""};
  BackendOf(web).FailNext(FakeBackend::Op::kKeep, died);
  BackendOf(web).DuringNextKeep(
      [&] { EXPECT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful)); });
  rounds.Go();
  EXPECT_EQ(told_, Told{"hold host"});
}

TEST_F(DiskRoundsTest, AHeldSandboxIsPausedAndDestroyedAsAnyOther) {
  const SandboxRecord web = Create("web");
  DiskRounds rounds(host_, kAlways, Tell());
  rounds.Go();
  EXPECT_TRUE(lifecycle_.Pause("web"));
  EXPECT_TRUE(lifecycle_.Resume("web"));
  rounds.Go();
  EXPECT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful));
}

TEST(MetricsTest, EachDiskHasItsSeriesAndThereIsAnEndToThem) {
  Metrics metrics;
  DiskReading reading{.id = "sb-00000000", .name = "web", .activity = {}};
  reading.activity.counters.writes = 7;
  std::vector<DiskReading> readings(1002, reading);
  readings[0].activity.writers = Writers::kHeld;
  readings[1].name = "kernel";
  readings[1].activity.errors = DiskActivity::Errors::kUnknown;
  metrics.NoteDisks(readings);
  const std::string text = metrics.Render({});
  const auto has = [&](const std::string& line) { return text.find(line) != std::string::npos; };
  EXPECT_TRUE(has("\nveneer_disk_writes_total{sandbox=\"sb-00000000\",name=\"web\"} 7\n"));
  EXPECT_TRUE(has("\nveneer_disk_errors_total{sandbox=\"sb-00000000\",name=\"web\"} 0\n"));
  EXPECT_FALSE(has("\nveneer_disk_errors_total{sandbox=\"sb-00000000\",name=\"kernel\"}"));
  EXPECT_TRUE(has("\nveneer_disks_held 1\n"));
  EXPECT_TRUE(has("\nveneer_disks_without_series 2\n"));
}

}  // namespace
}  // namespace veneer::api
