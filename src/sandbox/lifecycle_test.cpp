// The verbs on models of the backends: what they do, and that a failure changes nothing.
#include "sandbox/lifecycle.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "sandbox/testing/sandbox_test.h"

namespace veneer {
namespace {

using ::testing::Contains;
using testing::FakeBackend;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Error kInjected{ErrorKind::kFailed, EIO, "injected", ""};

class LifecycleTest : public testing::SandboxTest {
 protected:
  [[nodiscard]] std::vector<std::string> Stores() const { return FilesIn(layout_.sandboxes()); }
};

TEST_F(LifecycleTest, ACreatedSandboxRunsOnTheBackendOfChoiceAndShowsItsTemplate) {
  const SandboxRecord record = Create("web");
  EXPECT_EQ(record.state, SandboxState::kRunning);
  EXPECT_EQ(record.backend, "dm");
  EXPECT_EQ(record.size, MiB(4));
  EXPECT_THAT(record.timings, Contains(Field(&StepTiming::step, "attach")));
  EXPECT_EQ(Read(record.path.value(), 0, 8), "template");
  const auto by_choice =
      lifecycle_.Create({.template_reference = base_.id, .backend = BackendChoice::kUser});
  ASSERT_TRUE(by_choice);
  EXPECT_EQ(by_choice->backend, "user");
  EXPECT_EQ(by_choice->name, by_choice->id);
}

TEST_F(LifecycleTest, AutoTakesTheUserBackendWhereTheHostHasNoDeviceMapper) {
  dm_.FailNext(FakeBackend::Op::kRequireHost, {ErrorKind::kUnsupported, 0, "none", ""});
  EXPECT_EQ(Create().backend, "user");
}

TEST_F(LifecycleTest, ATakenNameIsAConflictAndLeavesNothing) {
  Create("web");
  const auto second = lifecycle_.Create({.template_reference = "base", .name = "web"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(Stores(), SizeIs(1));
  EXPECT_THAT(FilesIn(layout_.locks()), SizeIs(2));  // of the template and the first
}

TEST_F(LifecycleTest, ACreateThatFailsLeavesNothing) {
  dm_.FailNext(FakeBackend::Op::kAttach, kInjected);
  const auto created = lifecycle_.Create({.template_reference = "base", .name = "web"});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().what, "injected");
  EXPECT_THAT(Stores(), IsEmpty());
  EXPECT_FALSE(Exists("web"));
}

TEST_F(LifecycleTest, ASmallerDiskThanTheTemplateIsRefused) {
  const auto created = lifecycle_.Create({.template_reference = "base", .size = MiB(1)});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(Stores(), IsEmpty());
}

TEST_F(LifecycleTest, APauseAndAResumeKeepWhatWasWritten) {
  const SandboxRecord record = Create("web");
  Write(*record.path, 0, "changed!");
  const auto paused = lifecycle_.Pause("web");
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->state, SandboxState::kPaused);
  EXPECT_FALSE(paused->path);
  EXPECT_FALSE(std::filesystem::exists(*record.path));
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
  const auto resumed = lifecycle_.Resume("web", BackendChoice::kUser);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->backend, "user");
  EXPECT_EQ(Read(*resumed->path, 0, 8), "changed!");
}

TEST_F(LifecycleTest, ADiskInUseRunsOn) {
  const SandboxRecord record = Create("web");
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held by pid 812", ""});
  const auto paused = lifecycle_.Pause("web");
  ASSERT_FALSE(paused);
  EXPECT_THAT(paused.error().what, HasSubstr("812"));
  EXPECT_THAT(paused.error().hint, HasSubstr("then pause it again"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
  EXPECT_EQ(Recorded("web").path, record.path);
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held by pid 812", ""});
  const auto destroyed = lifecycle_.Destroy("web", DestroyMode::kForce);
  ASSERT_FALSE(destroyed);
  EXPECT_THAT(destroyed.error().hint, HasSubstr("then destroy it again"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
}

TEST_F(LifecycleTest, ADiskThatHadGoneIsPausedAndSaysSo) {
  const SandboxRecord record = Create("web");
  dm_.Drop(*record.path);
  const auto paused = lifecycle_.Pause("web");
  ASSERT_TRUE(paused);
  EXPECT_THAT(paused->reason, HasSubstr("not flushed"));
  // Whoever resumes it is told for the last time.
  const auto resumed = lifecycle_.Resume("web");
  ASSERT_TRUE(resumed);
  EXPECT_THAT(resumed->warnings, ::testing::ElementsAre(HasSubstr("not flushed")));
  EXPECT_EQ(Recorded("web").reason, "");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  EXPECT_THAT(lifecycle_.Resume("web")->warnings, IsEmpty());
}

TEST_F(LifecycleTest, AStoreThatCannotBeAttachedIsNamed) {
  const SandboxRecord record = Create("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  dm_.FailNext(FakeBackend::Op::kAttach, {ErrorKind::kCorrupt, 0, "its magic is another", ""});
  const auto resumed = lifecycle_.Resume("web");
  ASSERT_FALSE(resumed);
  EXPECT_THAT(resumed.error().what, HasSubstr(layout_.Store(record.id)));
  EXPECT_THAT(resumed.error().what, HasSubstr("its magic is another"));
}

TEST_F(LifecycleTest, ARefusedDestroyChangesNoRecord) {
  Create("web");
  const SandboxRecord before = Recorded("web");
  dm_.FailNext(FakeBackend::Op::kDetach, {ErrorKind::kConflict, EBUSY, "held by pid 812", ""});
  EXPECT_FALSE(lifecycle_.Destroy("web", DestroyMode::kCareful));
  const SandboxRecord after = Recorded("web");
  EXPECT_EQ(after.state, SandboxState::kRunning);
  EXPECT_EQ(after.last_operation, before.last_operation);
  EXPECT_EQ(after.timings, before.timings);
}

TEST_F(LifecycleTest, ADiskThatGoesDuringThePauseIsPausedAndSaysSo) {
  Create("web");
  dm_.DieAtNextDetach();
  const auto paused = lifecycle_.Pause("web");
  ASSERT_TRUE(paused) << paused.error().what;
  EXPECT_THAT(paused->reason, HasSubstr("not flushed"));
}

TEST_F(LifecycleTest, AResumeThatFailsLeavesItPaused) {
  Create("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  dm_.FailNext(FakeBackend::Op::kAttach, kInjected);
  EXPECT_FALSE(lifecycle_.Resume("web"));
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_TRUE(lifecycle_.Resume("web"));
}

TEST_F(LifecycleTest, AMissingStoreFailsItAndItCanBeDestroyed) {
  const SandboxRecord record = Create("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  std::filesystem::remove(layout_.Store(record.id));
  const auto resumed = lifecycle_.Resume("web");
  ASSERT_FALSE(resumed);
  EXPECT_EQ(resumed.error().kind, ErrorKind::kCorrupt) << "the sandbox is there";
  EXPECT_EQ(Recorded("web").state, SandboxState::kFailed);
  EXPECT_THAT(Recorded("web").reason, HasSubstr(layout_.Store(record.id)));
  EXPECT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful));
  EXPECT_FALSE(Exists("web"));
}

TEST_F(LifecycleTest, AnotherImageUnderItsStoreIsNeverAttached) {
  Create("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  std::filesystem::permissions(layout_.Image(base_.id), std::filesystem::perms::owner_all);
  Write(layout_.Image(base_.id), 4096, "another");
  const auto resumed = lifecycle_.Resume("web");
  ASSERT_FALSE(resumed);
  EXPECT_EQ(resumed.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Recorded("web").state, SandboxState::kFailed);
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
}

TEST_F(LifecycleTest, DestroyLeavesNothing) {
  const SandboxRecord record = Create("web");
  ASSERT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful));
  EXPECT_FALSE(Exists("web"));
  EXPECT_THAT(Stores(), IsEmpty());
  EXPECT_THAT(dm_.Attached().value(), IsEmpty());
  EXPECT_THAT(FilesIn(layout_.locks()), Not(Contains(record.id + ".lock")));
}

TEST_F(LifecycleTest, ForksOfARunningOneHaveItsMomentAndThenGoTheirOwnWays) {
  const SandboxRecord parent = Create("web");
  Write(*parent.path, 0, "moment 1");
  const auto forks = lifecycle_.Fork("web", 3);
  ASSERT_TRUE(forks) << forks.error().what;
  ASSERT_EQ(forks->size(), 3U);
  Write(*parent.path, 0, "moment 2");
  Write(*forks->at(1).path, 0, "its own!");
  EXPECT_EQ(Read(*forks->at(0).path, 0, 8), "moment 1");
  EXPECT_EQ(Read(*forks->at(1).path, 0, 8), "its own!");
  EXPECT_EQ(Read(*forks->at(2).path, 0, 8), "moment 1");
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
}

TEST_F(LifecycleTest, ForksOfAPausedOneRun) {
  const SandboxRecord parent = Create("web");
  Write(*parent.path, 0, "moment 1");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  const auto forks = lifecycle_.Fork("web", 2);
  ASSERT_TRUE(forks) << forks.error().what;
  EXPECT_EQ(Read(*forks->at(1).path, 0, 8), "moment 1");
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
}

TEST_F(LifecycleTest, AForkThatFailsLeavesNoForks) {
  Create("web");
  for (const auto op : {FakeBackend::Op::kCloneStore, FakeBackend::Op::kAttach}) {
    dm_.FailNext(op, kInjected);
    const auto forks = lifecycle_.Fork("web", 3);
    ASSERT_FALSE(forks);
    EXPECT_EQ(forks.error().what, "injected");
    EXPECT_THAT(catalog_->Sandboxes().value(), SizeIs(1));
    EXPECT_THAT(Stores(), SizeIs(1));
    EXPECT_THAT(dm_.Attached().value(), SizeIs(1));
  }
  EXPECT_EQ(lifecycle_.Fork("web", 0).error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
