#include "catalog/schema.h"

#include <SQLiteCpp/Column.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <thread>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/testing/examples.h"
#include "catalog/testing/forked.h"
#include "catalog/testing/schema_one.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using testing::ExampleIntent;
using testing::ExampleTemplate;
using testing::Forked;
using testing::kSchemaOne;
using testing::Voice;

// What a catalog of schema 1 had in it.
constexpr const char* kRecordsOfOne = R"(
  INSERT INTO templates VALUES
    ('tp-00000001', 'debian', 'image', 4096, 17, 5, 'sha256:aa', NULL, 1700000000123);
  INSERT INTO sandboxes VALUES
    ('sb-0000000a', 'one', 'tp-00000001', 'paused', 'dm', NULL, 4096,
     '[{"step":"detach","ms":2.5}]', 1700000000456),
    ('sb-0000000b', 'two', 'tp-00000001', 'running', 'user', '/run/x', 8192, '[]', 1700000000789);
)";

class SchemaTest : public ::testing::Test {
 protected:
  void MakeSchemaOne() const {
    SQLite::Database database(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec(kSchemaOne);
    database.exec(kRecordsOfOne);
  }
  SQLite::Database Raw() const { return {path_, SQLite::OPEN_READWRITE, 10'000}; }
  int Version() const { return Raw().execAndGet("PRAGMA user_version").getInt(); }
  // Every table, column and index, as text.
  std::string Layout() const {
    const SQLite::Database database = Raw();
    SQLite::Statement rows(database,
                           "SELECT s.type, s.name, s.tbl_name, c.name, c.type, c.\"notnull\", "
                           "c.dflt_value, c.pk FROM sqlite_schema s "
                           "LEFT JOIN pragma_table_info(s.name) c ORDER BY s.name, c.cid");
    std::string text;
    while (rows.executeStep()) {
      for (int column = 0; column < rows.getColumnCount(); ++column) {
        text += rows.getColumn(column).getString() + "|";
      }
      text += "\n";
    }
    return text;
  }

  testing::TempDirectory directory_;
  std::string root_ = directory_.path();
  std::string path_ = directory_ / "catalog.db";
};

TEST_F(SchemaTest, ACatalogOfTheFirstSchemaIsMigratedWithAllThatIsInIt) {
  MakeSchemaOne();
  auto catalog = Catalog::Open(root_);
  ASSERT_TRUE(catalog) << catalog.error().what;
  const auto debian = catalog->Template("debian");
  ASSERT_TRUE(debian);
  EXPECT_EQ(debian->kind, TemplateKind::kImage);
  EXPECT_EQ(debian->image, (FileStamp{.size = KiB(4), .modified_ns = 17, .inode = 5}));
  EXPECT_EQ(debian->digest, "sha256:aa");
  const auto sandboxes = catalog->Sandboxes();
  ASSERT_TRUE(sandboxes);
  ASSERT_EQ(sandboxes->size(), 2U);
  const SandboxRecord& one = sandboxes->front();
  EXPECT_EQ(one.id, "sb-0000000a");
  EXPECT_EQ(one.state, SandboxState::kPaused);
  EXPECT_EQ(one.reason, "");
  EXPECT_EQ(one.last_operation, "");
  EXPECT_EQ(one.export_way, "fuse");
  EXPECT_EQ(one.path, std::nullopt);
  EXPECT_EQ(one.timings.at(0).step, "detach");
  EXPECT_EQ(sandboxes->back().path, "/run/x");
  EXPECT_EQ(sandboxes->back().size, KiB(8));
  EXPECT_TRUE(catalog->Intents()->empty());
  EXPECT_EQ(Version(), Catalog::kSchema);
}

TEST_F(SchemaTest, ASandboxOfTheSecondSchemaIsAFile) {
  MakeSchemaOne();
  {
    SQLite::Database database = Raw();
    ASSERT_TRUE(Migrate(database, SchemaSteps().first(2)));
    database.exec("UPDATE sandboxes SET reason = 'as it was', last_operation = 'pause'");
  }
  EXPECT_EQ(Version(), 2);
  Catalog catalog = Catalog::Open(root_).value();
  SandboxRecord one = catalog.Sandbox("one").value();
  EXPECT_EQ(one.export_way, "fuse");
  EXPECT_EQ(one.reason, "as it was");
  one.export_way = "nbd";
  ASSERT_TRUE(catalog.Update(one));
  EXPECT_EQ(catalog.Sandbox("one")->export_way, "nbd");
  EXPECT_EQ(catalog.Sandbox("two")->export_way, "fuse");
}

TEST_F(SchemaTest, AMigratedCatalogTakesNewRecords) {
  MakeSchemaOne();
  Catalog catalog = Catalog::Open(root_).value();
  ASSERT_TRUE(catalog.Begin(ExampleIntent()));
  SandboxRecord one = catalog.Sandbox("one").value();
  one.reason = "why";
  one.last_operation = "pause";
  ASSERT_TRUE(catalog.Update(one));
  EXPECT_EQ(catalog.Sandbox("one")->reason, "why");
  EXPECT_EQ(catalog.Sandbox("one")->last_operation, "pause");
  EXPECT_EQ(catalog.RemoveTemplate("tp-00000001").error().kind, ErrorKind::kConflict);
}

TEST_F(SchemaTest, AMigratedCatalogIsLikeANewOne) {
  MakeSchemaOne();
  ASSERT_TRUE(Catalog::Open(root_));
  const std::string migrated = Layout();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  ASSERT_TRUE(Catalog::Open(root_));
  EXPECT_EQ(Layout(), migrated);
  EXPECT_NE(migrated.find("last_operation"), std::string::npos);
}

TEST_F(SchemaTest, AStepThatFailsHasChangedNothing) {
  MakeSchemaOne();
  const std::string before = Layout();
  SQLite::Database database = Raw();
  const std::vector<const char*> steps{
      "",
      "ALTER TABLE sandboxes ADD COLUMN x TEXT; DELETE FROM sandboxes; CREATE TABLE templates (y)"};
  EXPECT_THROW(Migrate(database, steps).Ignore("it throws"), SQLite::Exception);
  EXPECT_EQ(Layout(), before);
  EXPECT_EQ(Version(), 1);
  EXPECT_EQ(Catalog::Open(root_)->Sandboxes()->size(), 2U);
}

TEST_F(SchemaTest, AMigrationThatIsCutIsAsIfItHadNotBegun) {
  MakeSchemaOne();
  const std::string before = Layout();
  Forked migration([&](const Voice&) {
    SQLite::Database database = Raw();
    database.createFunction(
        "die", 0, false, nullptr, [](sqlite3_context*, int, sqlite3_value**) { ::raise(SIGKILL); },
        nullptr, nullptr, nullptr);
    const std::string step = fmt::format("{}; SELECT die()", SchemaSteps()[1]);
    const std::vector<const char*> steps{"", step.c_str()};
    return Migrate(database, steps).has_value();
  });
  EXPECT_FALSE(migration.Wait());
  EXPECT_EQ(Layout(), before);
  EXPECT_EQ(Version(), 1);
  EXPECT_EQ(Catalog::Open(root_)->Sandboxes()->size(), 2U);
  EXPECT_EQ(Version(), Catalog::kSchema);
}

TEST_F(SchemaTest, ACreationThatIsCutIsAsIfItHadNotBegun) {
  Forked creation([&](const Voice&) {
    SQLite::Database database(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    // So small a cache that the file is written to before the end.
    database.exec("PRAGMA cache_size = 1");
    database.createFunction(
        "die", 0, false, nullptr, [](sqlite3_context*, int, sqlite3_value**) { ::raise(SIGKILL); },
        nullptr, nullptr, nullptr);
    const std::string step = fmt::format(
        "{}; CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "LIMIT 100) INSERT INTO t SELECT zeroblob(4000) FROM n; SELECT die()",
        SchemaSteps()[0]);
    const std::vector<const char*> steps{step.c_str()};
    return Migrate(database, steps).has_value();
  });
  EXPECT_FALSE(creation.Wait());
  EXPECT_GT(std::filesystem::file_size(path_), 0U);
  auto catalog = Catalog::Open(root_);
  ASSERT_TRUE(catalog) << catalog.error().what;
  EXPECT_TRUE(catalog->Sandboxes()->empty());
}

// Opens the catalog in four processes that wait for each other first; all must succeed.
void OpenAtOnce(const std::string& root, std::size_t sandboxes) {
  constexpr int kProcesses = 4;
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe2(gate.data(), O_CLOEXEC), 0);
  std::vector<Forked> processes;
  processes.reserve(kProcesses);
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&](const Voice& voice) {
      ::close(gate[1]);
      voice.Say(0);
      unsigned char end = 0;
      if (::read(gate[0], &end, 1) != 0) return false;  // the end of the pipe: all are there
      const auto catalog = Catalog::Open(root);
      return catalog && catalog->Sandboxes() && catalog->Sandboxes()->size() == sandboxes;
    });
  }
  for (const Forked& process : processes) ASSERT_EQ(process.Hear(), 0);
  ::close(gate[1]);
  ::close(gate[0]);
  for (Forked& process : processes) EXPECT_TRUE(process.Wait());
}

TEST_F(SchemaTest, SeveralProcessesCreateACatalogAtOnce) {
  for (int round = 0; round < 5; ++round) {
    const std::string root = directory_ / fmt::format("round{}", round);
    OpenAtOnce(root, 0);
    EXPECT_TRUE(Catalog::Open(root)->Add(ExampleTemplate()));
  }
}

TEST_F(SchemaTest, SeveralProcessesMigrateACatalogAtOnce) {
  for (int round = 0; round < 5; ++round) {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
    MakeSchemaOne();
    OpenAtOnce(root_, 2);
    EXPECT_EQ(Version(), Catalog::kSchema);
  }
}

TEST_F(SchemaTest, SeveralThreadsCreateACatalogAtOnceAndUseIt) {
  constexpr int kThreads = 4;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        auto catalog = Catalog::Open(root_);
        ASSERT_TRUE(catalog) << catalog.error().what;
        const std::string id = fmt::format("tp-{:08x}", i);
        const auto added = catalog->Add(ExampleTemplate(id, id));
        ASSERT_TRUE(added) << added.error().what;
      });
    }
  }
  EXPECT_EQ(Catalog::Open(root_)->Templates()->size(), static_cast<std::size_t>(kThreads));
}

}  // namespace
}  // namespace veneer
