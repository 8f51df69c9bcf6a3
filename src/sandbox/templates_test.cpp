#include "sandbox/templates.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "sandbox/snapshot.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;
using testing::FakeBackend;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class TemplatesTest : public testing::SandboxTest {
 protected:
  Templates templates_{host_};
};

TEST_F(TemplatesTest, AnImportedImageIsReadOnlyAndHasADigest) {
  EXPECT_THAT(base_.digest, StartsWith("sha256:"));
  EXPECT_EQ(base_.image.size, MiB(4));
  EXPECT_EQ(fs::status(layout_.Image(base_.id)).permissions(), fs::perms::owner_read);
  EXPECT_EQ(Read(layout_.Image(base_.id), 0, 8), "template");
}

TEST_F(TemplatesTest, ATakenNameIsAConflictAndAMissingImageLeavesNothing) {
  EXPECT_EQ(templates_.Import({.name = "base", .source = source_}).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(templates_.Import({.name = "new", .source = directory_ / "none"}).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(templates_.Import({.name = "No!", .source = source_}).error().kind, ErrorKind::kUsage);
  EXPECT_THAT(catalog_->Templates().value(), SizeIs(1));
  EXPECT_THAT(catalog_->Intents().value(), IsEmpty());
  EXPECT_THAT(FilesIn(layout_.templates()), SizeIs(1));
  EXPECT_THAT(FilesIn(layout_.locks()), SizeIs(1)) << "of the template that is there";
}

TEST_F(TemplatesTest, OneInUseStaysAndSaysWhoUsesIt) {
  Create("web");
  const auto refused = templates_.Remove("base");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(refused.error().what, HasSubstr("web"));
  ASSERT_TRUE(lifecycle_.Destroy("web", DestroyMode::kCareful));
  EXPECT_TRUE(templates_.Remove("base"));
  EXPECT_THAT(FilesIn(layout_.templates()), IsEmpty());
}

TEST_F(TemplatesTest, AnImageThatCameBackFromABackupIsTheSameOne) {
  fs::copy_file(layout_.Image(base_.id), directory_ / "backup");
  fs::remove(layout_.Image(base_.id));
  EXPECT_EQ(templates_.Verify(base_).error().kind, ErrorKind::kNotFound);
  fs::rename(directory_ / "backup", layout_.Image(base_.id));
  EXPECT_TRUE(templates_.Verify(base_));
  const auto restamped = catalog_->Template("base");
  ASSERT_TRUE(restamped);
  EXPECT_NE(restamped->image, base_.image);
}

TEST_F(TemplatesTest, ASnapshotOfARunningSandboxShowsItsMomentAndItRunsOn) {
  const SandboxRecord record = Create("web");
  Write(*record.path, 8192, "snapshot");
  const auto snapshot = TakeSnapshot(host_, "web", "web-ready");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  Write(*record.path, 8192, "later on");
  EXPECT_EQ(snapshot->record.kind, TemplateKind::kSnapshot);
  EXPECT_EQ(snapshot->record.made_from, record.id);
  EXPECT_EQ(Read(layout_.Image(snapshot->record.id), 0, 8), "template");
  EXPECT_EQ(Read(layout_.Image(snapshot->record.id), 8192, 8), "snapshot");
  EXPECT_THAT(FilesIn(layout_.templates()), SizeIs(2));
  const auto from_it = lifecycle_.Create({.template_reference = "web-ready"});
  ASSERT_TRUE(from_it);
  EXPECT_EQ(Read(*from_it->path, 8192, 8), "snapshot");
  EXPECT_EQ(Read(*record.path, 8192, 8), "later on");
}

TEST_F(TemplatesTest, ASnapshotOfAPausedSandboxNeedsNoClone) {
  const SandboxRecord record = Create("web");
  Write(*record.path, 8192, "snapshot");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  const auto snapshot = TakeSnapshot(host_, "web", "web-ready");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  EXPECT_EQ(Read(layout_.Image(snapshot->record.id), 8192, 8), "snapshot");
  EXPECT_TRUE(lifecycle_.Resume("web"));
}

TEST_F(TemplatesTest, ASnapshotThatFailsLeavesNothing) {
  Create("web");
  dm_.FailNext(FakeBackend::Op::kCloneStore, {ErrorKind::kNoSpace, ENOSPC, "injected", ""});
  const auto snapshot = TakeSnapshot(host_, "web", "web-ready");
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(TakeSnapshot(host_, "web", "base").error().kind, ErrorKind::kConflict);
  EXPECT_THAT(catalog_->Templates().value(), SizeIs(1));
  EXPECT_THAT(catalog_->Intents().value(), IsEmpty());
  EXPECT_THAT(FilesIn(layout_.templates()), SizeIs(1));
  EXPECT_EQ(Recorded("web").state, SandboxState::kRunning);
}

TEST_F(TemplatesTest, ASnapshotUndoesNothingOfAnEarlierOneWithItsId) {
  const SandboxRecord record = Create("web");
  const std::string id = "tp-00000001";
  const IntentRecord kept{.id = id, .verb = "snapshot", .object = record.id, .began_at = {}};
  ASSERT_TRUE(catalog_->Begin(kept));
  testing::MakeFile(layout_.Image(id), MiB(1));
  const auto snapshot = TakeSnapshot(host_, "web", "web-ready", {}, id);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(catalog_->Intents().value(), SizeIs(1));
  EXPECT_TRUE(std::filesystem::exists(layout_.Image(id)));
}

}  // namespace
}  // namespace veneer
