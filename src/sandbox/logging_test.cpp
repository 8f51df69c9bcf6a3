// What the verbs tell the log: each step and each end, with the sandbox's id.
#include <gmock/gmock.h>

#include <filesystem>

#include "sandbox/lifecycle.h"
#include "sandbox/recover.h"
#include "sandbox/snapshot.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;
using testing::FakeBackend;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RecordingLog;
using ::testing::SizeIs;

class LoggingTest : public testing::SandboxTest {
 protected:
  LoggingTest() { log_.Clear(); }

  // Steps as "attach", failed ones as "attach: failed", ends as "create." and "create: failed."; of
  // one object.
  [[nodiscard]] std::vector<std::string> Told(const std::string& object) const {
    std::vector<std::string> told;
    for (const RecordingLog::Line& line : log_.lines()) {
      if (line.object != object) continue;
      const std::string what = line.step.empty() ? line.verb : line.step;
      const std::string end = line.outcome == "done" ? "" : ": " + line.outcome;
      told.push_back(what + end + (line.step.empty() ? "." : ""));
    }
    return told;
  }
};

TEST_F(LoggingTest, EachStepOfAVerbAndItsEndHaveTheSandboxsId) {
  const std::string id = Create("web").id;
  EXPECT_THAT(Told(id),
              ElementsAre("record", "store", "verify", "attach", "sync", "settle", "create."));
  EXPECT_THAT(Told("web"), IsEmpty());
  for (const RecordingLog::Line& line : log_.lines()) {
    EXPECT_EQ(line.verb, "create");
    EXPECT_TRUE(line.is_timed);
    EXPECT_EQ(line.level, line.step.empty() ? LogLevel::kInfo : LogLevel::kDebug);
  }
  log_.Clear();
  ASSERT_TRUE(lifecycle_.Pause("web"));
  EXPECT_THAT(Told(id), ElementsAre("record", "detach", "settle", "pause."));
  log_.Clear();
  ASSERT_TRUE(lifecycle_.Resume("web"));
  EXPECT_THAT(Told(id), ElementsAre("record", "verify", "attach", "settle", "resume."));
  log_.Clear();
  ASSERT_TRUE(TakeSnapshot(host_, "web", "ready"));
  EXPECT_THAT(Told(id), ElementsAre("record", "verify", "clone", "flatten", "digest", "snapshot."));
  log_.Clear();
  ASSERT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful));
  EXPECT_THAT(Told(id), ElementsAre("record", "detach", "sync", "remove", "destroy."));
}

TEST_F(LoggingTest, AForkIsToldOfTheParentAndOfEachChild) {
  const std::string parent = Create("web").id;
  log_.Clear();
  const auto forks = lifecycle_.Fork("web", 2);
  ASSERT_TRUE(forks);
  EXPECT_THAT(Told(parent), ElementsAre("record", "settle", "fork."));
  EXPECT_THAT(Told(forks->at(0).id), ElementsAre("clone", "held", "verify", "attach"));
  EXPECT_THAT(Told(forks->at(1).id), ElementsAre("clone", "verify", "attach"));
}

TEST_F(LoggingTest, WhatFailsIsAnErrorWithItsCauseAndWhatItUndid) {
  dm_.FailNext(FakeBackend::Op::kAttach, {ErrorKind::kFailed, EIO, "injected", ""});
  ASSERT_FALSE(lifecycle_.Create({.template_reference = "base", .name = "web"}));
  ASSERT_FALSE(log_.lines().empty());
  const RecordingLog::Line& end = log_.lines().back();
  EXPECT_THAT(Told(end.object), ElementsAre("record", "store", "verify", "attach: failed", "sync",
                                            "undo", "create: failed."));
  EXPECT_EQ(end.level, LogLevel::kError);
  EXPECT_EQ(end.detail, "injected");
}

TEST_F(LoggingTest, WhatIsRefusedIsAWarningWithWhatTheUserTyped) {
  ASSERT_FALSE(lifecycle_.Pause("nobody"));
  ASSERT_THAT(log_.lines(), SizeIs(1));
  const RecordingLog::Line& line = log_.lines().front();
  EXPECT_EQ(line.level, LogLevel::kWarning);
  EXPECT_EQ(line.object, "nobody");
  EXPECT_EQ(line.outcome, "not_found");
  EXPECT_THAT(line.detail, HasSubstr("nobody"));
}

TEST_F(LoggingTest, AnImportAndARemovalAreToldOfTheTemplate) {
  const auto imported = Templates(host_).Import({.name = "other", .source = source_});
  ASSERT_TRUE(imported);
  EXPECT_THAT(Told(imported->id), ElementsAre("record", "copy", "digest", "import."));
  log_.Clear();
  ASSERT_TRUE(Templates(host_).Remove("other"));
  EXPECT_THAT(Told(imported->id), ElementsAre("record", "template rm."));
}

TEST_F(LoggingTest, RecoverTellsWhatItEndedAndIsSilentWhereThereIsNothing) {
  const SandboxRecord record = Create("web");
  log_.Clear();
  ASSERT_TRUE(Recover(host_, RecoverScope::kQuick));
  EXPECT_THAT(log_.lines(), IsEmpty());
  LeaveIn(SandboxState::kPausing, record);
  ASSERT_TRUE(Recover(host_, RecoverScope::kEverything));
  EXPECT_THAT(Told(record.id), ElementsAre("recover."));
  EXPECT_EQ(log_.lines().front().detail, "paused");
  EXPECT_EQ(log_.lines().back().object, "");
}

}  // namespace
}  // namespace veneer
