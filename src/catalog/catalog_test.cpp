#include "catalog/catalog.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <limits>
#include <utility>
#include <vector>

#include "catalog/testing/examples.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using ::testing::ElementsAre;
using testing::ExampleIntent;
using testing::ExampleSandbox;
using testing::ExampleTemplate;
using ::testing::HasSubstr;
using ::testing::Not;

class CatalogTest : public ::testing::Test {
 protected:
  Catalog Reopened() const { return Catalog::Open(root_).value(); }

  void AddSandboxes(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) ASSERT_TRUE(catalog_.Add(ExampleSandbox(id, id)));
  }

  testing::TempDirectory directory_;
  std::string root_ = directory_ / "a/state";
  Catalog catalog_ = Catalog::Open(root_).value();
};

class CatalogWithTemplateTest : public CatalogTest {
 protected:
  CatalogWithTemplateTest() { EXPECT_TRUE(catalog_.Add(ExampleTemplate())); }
};

template <class Record>
std::vector<std::string> IdsOf(const Result<std::vector<Record>>& records) {
  std::vector<std::string> ids;
  if (!records) return {records.error().what};
  for (const Record& record : *records) ids.push_back(record.id);
  return ids;
}

unsigned ModeOf(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

void ExpectSame(const SandboxRecord& found, const SandboxRecord& expected) {
  EXPECT_EQ(found.id, expected.id);
  EXPECT_EQ(found.name, expected.name);
  EXPECT_EQ(found.template_id, expected.template_id);
  EXPECT_EQ(found.state, expected.state);
  EXPECT_EQ(found.reason, expected.reason);
  EXPECT_EQ(found.backend, expected.backend);
  EXPECT_EQ(found.export_way, expected.export_way);
  EXPECT_EQ(found.path, expected.path);
  EXPECT_EQ(found.size, expected.size);
  EXPECT_EQ(found.last_operation, expected.last_operation);
  EXPECT_EQ(found.timings, expected.timings);
  EXPECT_EQ(found.created_at, expected.created_at);
  EXPECT_EQ(found.boot_id, expected.boot_id);
}

TEST_F(CatalogTest, IsForItsOwnerAlone) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  EXPECT_EQ(ModeOf(root_), 0700U);
  for (const char* name : {"catalog.db", "catalog.db-wal", "catalog.db-shm"}) {
    EXPECT_EQ(ModeOf(root_ + "/" + name), 0600U) << name;
  }
}

TEST_F(CatalogTest, ClosingMovesNothing) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  const std::string log = root_ + "/catalog.db-wal";
  const auto before = std::filesystem::file_size(log);
  EXPECT_GT(before, 0U);
  {
    const Catalog moved = std::move(catalog_);
  }
  EXPECT_EQ(std::filesystem::file_size(log), before);
  EXPECT_TRUE(Reopened().Template("debian"));
}

TEST_F(CatalogTest, TheLogOfManyWhoOpenAndCloseStaysShort) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  {
    const Catalog moved = std::move(catalog_);
  }
  for (int i = 0; i < 200; ++i) {
    const std::string id = fmt::format("sb-{:08x}", i);
    ASSERT_TRUE(Reopened().Add(ExampleSandbox(id, id)));
  }
  EXPECT_LT(std::filesystem::file_size(root_ + "/catalog.db-wal"), 1U << 20U);
  EXPECT_EQ(Reopened().Sandboxes()->size(), 200U);
}

// In bytes; on a file system that can give a file more blocks than its length takes.
std::uintmax_t RoomOf(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uintmax_t>(status.st_blocks) * 512
                                            : 0;
}

TEST_F(CatalogTest, TheLogHasItsRoomAndKeepsIt) {
  const std::string log = root_ + "/catalog.db-wal";
  EXPECT_GE(RoomOf(log), 2U << 20U);
  EXPECT_EQ(std::filesystem::file_size(log), 0U);
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  for (int i = 0; i < 200; ++i) {
    const std::string id = fmt::format("sb-{:08x}", i);
    ASSERT_TRUE(catalog_.Add(ExampleSandbox(id, id)));
  }
  EXPECT_LT(std::filesystem::file_size(log), 1U << 20U) << "it was moved, and begun anew";
  EXPECT_GE(RoomOf(log), 2U << 20U);
  EXPECT_EQ(Reopened().Sandboxes()->size(), 200U);
}

TEST_F(CatalogTest, ATemplateComesBackAsItWasAdded) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  const auto found = Reopened().Template("tp-00000001");
  ASSERT_TRUE(found);
  const TemplateRecord expected = ExampleTemplate();
  EXPECT_EQ(found->id, expected.id);
  EXPECT_EQ(found->name, expected.name);
  EXPECT_EQ(found->kind, expected.kind);
  EXPECT_EQ(found->image, expected.image);
  EXPECT_EQ(found->digest, expected.digest);
  EXPECT_EQ(found->made_from, expected.made_from);
  EXPECT_EQ(found->created_at, expected.created_at);
}

TEST_F(CatalogTest, TemplatesAreListedByName) {
  EXPECT_THAT(IdsOf(catalog_.Templates()), ElementsAre());
  TemplateRecord imported = ExampleTemplate("tp-00000003", "beta");
  imported.kind = TemplateKind::kImage;
  imported.made_from.reset();
  ASSERT_TRUE(catalog_.Add(imported));
  ASSERT_TRUE(catalog_.Add(ExampleTemplate("tp-00000002", "gamma")));
  ASSERT_TRUE(catalog_.Add(ExampleTemplate("tp-00000001", "alpha")));
  EXPECT_THAT(IdsOf(catalog_.Templates()),
              ElementsAre("tp-00000001", "tp-00000003", "tp-00000002"));
  EXPECT_EQ(catalog_.Template("beta")->kind, TemplateKind::kImage);
  EXPECT_EQ(catalog_.Template("beta")->made_from, std::nullopt);
}

TEST_F(CatalogTest, ATemplateWhoseNameOrIdIsTakenIsAConflict) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate("tp-00000001", "debian")));
  const auto same_name = catalog_.Add(ExampleTemplate("tp-00000002", "debian"));
  ASSERT_FALSE(same_name);
  EXPECT_EQ(same_name.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(same_name.error().what, HasSubstr("debian"));
  const auto same_id = catalog_.Add(ExampleTemplate("tp-00000001", "alpine"));
  ASSERT_FALSE(same_id);
  EXPECT_EQ(same_id.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(IdsOf(catalog_.Templates()), ElementsAre("tp-00000001"));
}

TEST_F(CatalogTest, ARestampedTemplateHasANewStampAndNothingElseIsNew) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  const FileStamp stamp{.size = GiB(2), .modified_ns = -5, .inode = 12};
  ASSERT_TRUE(catalog_.Restamp("tp-00000001", stamp));
  EXPECT_EQ(Reopened().Template("debian")->image, stamp);
  EXPECT_EQ(catalog_.Template("debian")->digest, ExampleTemplate().digest);
  EXPECT_EQ(catalog_.Restamp("tp-00000002", stamp).error().kind, ErrorKind::kNotFound);
}

TEST_F(CatalogTest, ATemplateInUseStaysAndItsUsersAreNamed) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  ASSERT_TRUE(catalog_.Add(ExampleTemplate("tp-00000002", "unused")));
  for (int i = 10; i < 22; ++i) {
    ASSERT_TRUE(catalog_.Add(ExampleSandbox(fmt::format("sb-000000{}", i), fmt::format("s{}", i))));
  }
  const auto removed = catalog_.RemoveTemplate("tp-00000001");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(removed.error().what, HasSubstr("s10, s11"));
  EXPECT_THAT(removed.error().what, HasSubstr("s19 and 2 more"));
  EXPECT_THAT(removed.error().what, Not(HasSubstr("s20")));
  EXPECT_TRUE(catalog_.RemoveTemplate("tp-00000002"));
  EXPECT_THAT(IdsOf(catalog_.Templates()), ElementsAre("tp-00000001"));
}

TEST_F(CatalogTest, ATemplateWithoutUsersCanBeRemovedAndRemovedAgain) {
  ASSERT_TRUE(catalog_.Add(ExampleTemplate()));
  ASSERT_TRUE(catalog_.Add(ExampleSandbox()));
  ASSERT_TRUE(catalog_.RemoveSandbox("sb-00000001"));
  EXPECT_TRUE(catalog_.RemoveTemplate("tp-00000001"));
  EXPECT_TRUE(catalog_.RemoveTemplate("tp-00000001"));
  EXPECT_EQ(catalog_.Template("debian").error().kind, ErrorKind::kNotFound);
}

TEST_F(CatalogWithTemplateTest, ASandboxComesBackAsItWasAdded) {
  ASSERT_TRUE(catalog_.Add(ExampleSandbox()));
  const auto found = Reopened().Sandbox("sb-00000001");
  ASSERT_TRUE(found);
  ExpectSame(*found, ExampleSandbox());
}

// Who is killed has not taken it back; the next commit makes it durable too.
TEST_F(CatalogWithTemplateTest, WhatLastsWithTheNextChangeIsSeenByAllAtOnce) {
  ASSERT_TRUE(catalog_.Add(ExampleSandbox("sb-00000001", "one"), Lasting::kWithTheNext));
  EXPECT_TRUE(Reopened().Sandbox("one"));
  ASSERT_TRUE(catalog_.Add({ExampleSandbox("sb-00000002", "two")}, Lasting::kWithTheNext));
  ASSERT_TRUE(catalog_.Update(ExampleSandbox("sb-00000001", "three")));
  EXPECT_THAT(IdsOf(Reopened().Sandboxes()), ElementsAre("sb-00000001", "sb-00000002"));
}

TEST_F(CatalogWithTemplateTest, WhatIsToLastCanBeSyncedBesideOtherChanges) {
  ASSERT_TRUE(catalog_.Add(ExampleSandbox("sb-00000001", "one"), Lasting::kWithTheNext));
  std::future<Result<void>> synced =
      std::async(std::launch::async, [&] { return catalog_.Sync(); });
  ASSERT_TRUE(catalog_.Update(ExampleSandbox("sb-00000001", "two"), Lasting::kWithTheNext));
  ASSERT_TRUE(catalog_.RemoveSandbox("sb-00000001", Lasting::kWithTheNext));
  EXPECT_TRUE(synced.get());
  EXPECT_THAT(IdsOf(Reopened().Sandboxes()), ElementsAre());
}

TEST_F(CatalogWithTemplateTest, ALogThatIsGoneIsNotSaidToLast) {
  std::filesystem::remove(root_ + "/catalog.db-wal");
  const Result<void> synced = catalog_.Sync();
  ASSERT_FALSE(synced);
  EXPECT_THAT(synced.error().what, HasSubstr("catalog.db-wal"));
}

TEST_F(CatalogWithTemplateTest, BytesThatAreNoTextComeBackToo) {
  SandboxRecord sandbox = ExampleSandbox();
  sandbox.path = std::string("/srv/\xff\0x", 8);
  sandbox.reason = "';--";
  ASSERT_TRUE(catalog_.Add(sandbox));
  ExpectSame(catalog_.Sandbox("one").value(), sandbox);
}

TEST_F(CatalogWithTemplateTest, ASandboxWhoseNameOrIdIsTakenIsAConflict) {
  ASSERT_TRUE(catalog_.Add(ExampleSandbox("sb-00000001", "one")));
  EXPECT_EQ(catalog_.Add(ExampleSandbox("sb-00000002", "one")).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(catalog_.Add(ExampleSandbox("sb-00000001", "two")).error().kind, ErrorKind::kConflict);
  EXPECT_THAT(IdsOf(catalog_.Sandboxes()), ElementsAre("sb-00000001"));
}

TEST_F(CatalogTest, ASandboxNeedsItsTemplate) {
  const auto added = catalog_.Add(ExampleSandbox());
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(added.error().hint, HasSubstr("veneer template ls"));
}

TEST_F(CatalogWithTemplateTest, ASizeThatNoFileCanHaveIsRefused) {
  SandboxRecord sandbox = ExampleSandbox();
  sandbox.size = Bytes(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(catalog_.Add(sandbox).error().kind, ErrorKind::kUsage);
}

TEST_F(CatalogWithTemplateTest, OfSeveralSandboxesAllAreAddedOrNone) {
  const std::vector<SandboxRecord> two{ExampleSandbox("sb-00000001", "one"),
                                       ExampleSandbox("sb-00000002", "two")};
  ASSERT_TRUE(catalog_.Add(two));
  const std::vector<SandboxRecord> one_too_many{ExampleSandbox("sb-00000003", "three"),
                                                ExampleSandbox("sb-00000004", "two")};
  EXPECT_EQ(catalog_.Add(one_too_many).error().kind, ErrorKind::kConflict);
  EXPECT_THAT(IdsOf(catalog_.Sandboxes()), ElementsAre("sb-00000001", "sb-00000002"));
}

TEST_F(CatalogWithTemplateTest, AnUpdateReplacesTheRecord) {
  AddSandboxes({"sb-00000001", "sb-00000002"});
  SandboxRecord changed = ExampleSandbox("sb-00000001", "renamed");
  changed.state = SandboxState::kFailed;
  changed.reason = "no space";
  changed.backend = "dm";
  changed.path.reset();
  changed.size = GiB(8);
  changed.last_operation = "pause";
  changed.timings.clear();
  ASSERT_TRUE(catalog_.Update(changed));
  ExpectSame(Reopened().Sandbox("renamed").value(), changed);
  ExpectSame(catalog_.Sandbox("sb-00000002").value(), ExampleSandbox("sb-00000002", "sb-00000002"));
}

TEST_F(CatalogWithTemplateTest, AnUpdateThatCannotBeChangesNothing) {
  AddSandboxes({"sb-00000001", "sb-00000002"});
  EXPECT_EQ(catalog_.Update(ExampleSandbox("sb-00000003", "x")).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog_.Update(ExampleSandbox("sb-00000001", "sb-00000002")).error().kind,
            ErrorKind::kConflict);
  SandboxRecord orphan = ExampleSandbox("sb-00000001", "x");
  orphan.template_id = "tp-0000000f";
  EXPECT_EQ(catalog_.Update(orphan).error().kind, ErrorKind::kNotFound);
  ExpectSame(catalog_.Sandbox("sb-00000001").value(), ExampleSandbox("sb-00000001", "sb-00000001"));
}

TEST_F(CatalogWithTemplateTest, SandboxesAreListedByCreationThenId) {
  SandboxRecord late = ExampleSandbox("sb-00000001", "late");
  late.created_at += std::chrono::milliseconds(1);
  ASSERT_TRUE(catalog_.Add(late));
  AddSandboxes({"sb-00000003", "sb-00000002"});
  EXPECT_THAT(IdsOf(catalog_.Sandboxes()),
              ElementsAre("sb-00000002", "sb-00000003", "sb-00000001"));
}

TEST_F(CatalogWithTemplateTest, SandboxesAreFoundByTheirStates) {
  int n = 0;
  for (const SandboxState state : kSandboxStates) {
    SandboxRecord sandbox = ExampleSandbox(fmt::format("sb-{:08x}", n), fmt::format("s{}", n));
    sandbox.state = state;
    ASSERT_TRUE(catalog_.Add(sandbox));
    ++n;
  }
  EXPECT_THAT(IdsOf(catalog_.SandboxesIn({SandboxState::kPausing})), ElementsAre("sb-00000002"));
  EXPECT_THAT(IdsOf(catalog_.SandboxesIn(
                  {SandboxState::kFailed, SandboxState::kCreating, SandboxState::kFailed})),
              ElementsAre("sb-00000000", "sb-00000006"));
  EXPECT_THAT(IdsOf(catalog_.SandboxesIn({})), ElementsAre());
  EXPECT_EQ(catalog_.SandboxesIn({std::begin(kSandboxStates), std::end(kSandboxStates)})->size(),
            std::size(kSandboxStates));
}

TEST_F(CatalogWithTemplateTest, ARemovedSandboxIsGoneAndCanBeRemovedAgain) {
  AddSandboxes({"sb-00000001", "sb-00000002"});
  EXPECT_TRUE(catalog_.RemoveSandbox("sb-00000001"));
  EXPECT_TRUE(catalog_.RemoveSandbox("sb-00000001"));
  EXPECT_THAT(IdsOf(catalog_.Sandboxes()), ElementsAre("sb-00000002"));
}

TEST_F(CatalogTest, AnIntentLastsUntilItEnds) {
  ASSERT_TRUE(catalog_.Begin(ExampleIntent("tp-00000002")));
  IntentRecord earlier = ExampleIntent("tp-00000003");
  earlier.began_at -= std::chrono::milliseconds(1);
  ASSERT_TRUE(catalog_.Begin(earlier));
  EXPECT_EQ(catalog_.Begin(earlier).error().kind, ErrorKind::kConflict);
  const auto intents = Reopened().Intents();
  EXPECT_THAT(IdsOf(intents), ElementsAre("tp-00000003", "tp-00000002"));
  EXPECT_EQ(intents->back().verb, "snapshot");
  EXPECT_EQ(intents->back().object, "sb-0000ffff");
  EXPECT_EQ(intents->back().began_at, ExampleIntent().began_at);
  EXPECT_TRUE(catalog_.End("tp-00000003"));
  EXPECT_TRUE(catalog_.End("tp-00000003"));
  EXPECT_THAT(IdsOf(catalog_.Intents()), ElementsAre("tp-00000002"));
}

TEST_F(CatalogTest, ATemplateIsAddedAndItsIntentEndedInOne) {
  ASSERT_TRUE(catalog_.Begin(ExampleIntent("tp-00000001")));
  ASSERT_TRUE(catalog_.Begin(ExampleIntent("tp-00000002")));
  ASSERT_TRUE(
      catalog_.AddAndEnd(ExampleTemplate("tp-00000001", "debian"), ExampleIntent("tp-00000001")));
  EXPECT_THAT(IdsOf(catalog_.Templates()), ElementsAre("tp-00000001"));
  EXPECT_THAT(IdsOf(catalog_.Intents()), ElementsAre("tp-00000002"));
  EXPECT_EQ(
      catalog_.AddAndEnd(ExampleTemplate("tp-00000002", "debian"), ExampleIntent("tp-00000002"))
          .error()
          .kind,
      ErrorKind::kConflict);
  EXPECT_THAT(IdsOf(catalog_.Intents()), ElementsAre("tp-00000002"));
}

TEST_F(CatalogWithTemplateTest, FiveThousandSandboxesAreListed) {
  std::vector<SandboxRecord> many;
  many.reserve(5000);
  for (int i = 0; i < 5000; ++i) {
    many.push_back(ExampleSandbox(fmt::format("sb-{:08x}", i), fmt::format("s{}", i)));
  }
  ASSERT_TRUE(catalog_.Add(many));
  const auto listed = catalog_.Sandboxes();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), many.size());
  EXPECT_TRUE(std::ranges::is_sorted(*listed, {}, &SandboxRecord::id));
}

TEST_F(CatalogWithTemplateTest, AMovedCatalogGoesOn) {
  Catalog moved = std::move(catalog_);
  EXPECT_TRUE(moved.Add(ExampleSandbox()));
  catalog_ = std::move(moved);
  EXPECT_TRUE(catalog_.Sandbox("one"));
}

}  // namespace
}  // namespace veneer
