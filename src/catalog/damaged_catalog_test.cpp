// Files that are no catalog, are damaged, or belong to a newer program; and hosts that refuse.
#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/schema.h"
#include "catalog/testing/examples.h"
#include "catalog/testing/forked.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

using testing::ExampleSandbox;
using testing::ExampleTemplate;
using testing::Forked;
using ::testing::HasSubstr;
using testing::Voice;

constexpr std::size_t kPage = 4096;

class DamagedCatalogTest : public ::testing::Test {
 protected:
  // With so many sandboxes that they take several pages; nothing is in the log.
  void Fill() const {
    {
      Catalog catalog = Catalog::Open(root_).value();
      ASSERT_TRUE(catalog.Add(ExampleTemplate()));
      constexpr int kMany = 200;
      std::vector<SandboxRecord> many;
      many.reserve(kMany);
      for (int i = 0; i < kMany; ++i) {
        many.push_back(ExampleSandbox(fmt::format("sb-{:08x}", i), fmt::format("s{}", i)));
      }
      ASSERT_TRUE(catalog.Add(many));
    }
    Sql("SELECT count(*) FROM sandboxes");  // closing moves the log into the database
  }
  void Sql(const std::string& text) const {
    SQLite::Database(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(text);
  }
  void Put(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  // Every file of the directory with its bytes.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const std::string& name : directory_.List()) {
      std::ifstream in(directory_ / name, std::ios::binary);
      files[name] = {std::istreambuf_iterator<char>(in), {}};
    }
    return files;
  }
  void ExpectCorruptAndUntouched(const std::string& in_hint) const {
    const auto before = Files();
    const auto opened = Catalog::Open(root_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt) << opened.error().what;
    EXPECT_THAT(opened.error().what, HasSubstr(path_));
    EXPECT_THAT(opened.error().hint, HasSubstr(in_hint));
    EXPECT_TRUE(Files() == before) << "files have changed";
  }

  testing::TempDirectory directory_;
  std::string root_ = directory_.path();
  std::string path_ = directory_ / "catalog.db";
};

TEST_F(DamagedCatalogTest, ANewerSchemaIsLeftAsItIs) {
  Fill();
  Sql(fmt::format("PRAGMA user_version = {}; CREATE TABLE news (x)", Catalog::kSchema + 1));
  ASSERT_EQ(directory_.List(), std::vector<std::string>{"catalog.db"});
  ExpectCorruptAndUntouched("newer veneer");
}

TEST_F(DamagedCatalogTest, ANewerSchemaThatIsOnlyInTheLogIsLeftAsItIs) {
  Fill();
  {
    SQLite::Database newer(path_, SQLite::OPEN_READWRITE);
    ::sqlite3_db_config(newer.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    newer.exec(fmt::format("PRAGMA user_version = {}", Catalog::kSchema + 1));
  }
  ASSERT_GT(fs::file_size(path_ + "-wal"), 0U);
  const std::string database = Files()["catalog.db"];
  const std::string log = Files()["catalog.db-wal"];
  const auto opened = Catalog::Open(root_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(opened.error().hint, HasSubstr("newer veneer"));
  EXPECT_TRUE(Files()["catalog.db"] == database);
  EXPECT_TRUE(Files()["catalog.db-wal"] == log);
}

TEST_F(DamagedCatalogTest, ACatalogThatIsMigratedWhileItIsOpenIsNotWrittenTo) {
  Fill();
  Catalog catalog = Catalog::Open(root_).value();
  Sql(fmt::format("PRAGMA user_version = {}", Catalog::kSchema + 1));
  const auto removed = catalog.RemoveSandbox("sb-00000001");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(removed.error().hint, HasSubstr("newer veneer"));
  EXPECT_TRUE(catalog.Sandbox("sb-00000001"));
}

TEST_F(DamagedCatalogTest, AnotherProgramsDatabaseIsLeftAsItIs) {
  Sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  ExpectCorruptAndUntouched("--root");
  Sql("PRAGMA journal_mode = WAL; INSERT INTO t VALUES (2)");
  ASSERT_EQ(directory_.List(), std::vector<std::string>{"catalog.db"});
  ExpectCorruptAndUntouched("--root");
  Sql("PRAGMA application_id = 77; PRAGMA user_version = 2");
  ExpectCorruptAndUntouched("--root");
}

TEST_F(DamagedCatalogTest, AFileThatIsNoDatabaseIsLeftAsItIs) {
  Put("hello");
  ExpectCorruptAndUntouched("backup");
  Put(std::string(3 * kPage, 'x'));
  ExpectCorruptAndUntouched("backup");
  Put(std::string(kPage, '\0'));
  ExpectCorruptAndUntouched("backup");
}

TEST_F(DamagedCatalogTest, AShortenedFileIsCorrupt) {
  Fill();
  const std::uintmax_t whole = fs::file_size(path_);
  for (const std::uintmax_t size : {whole / 2 / kPage * kPage, std::uintmax_t{kPage},
                                    std::uintmax_t{600}, std::uintmax_t{50}}) {
    ASSERT_LT(size, whole);
    fs::resize_file(path_, size);
    ExpectCorruptAndUntouched("cow commands");
  }
}

TEST_F(DamagedCatalogTest, AnEmptyFileWithALogIsCorrupt) {
  Fill();
  std::ofstream(path_ + "-wal") << "what a crash has left";
  fs::resize_file(path_, 0);
  ExpectCorruptAndUntouched("backup");
}

TEST_F(DamagedCatalogTest, APageOfGarbageIsCorruptAndNeverMore) {
  Fill();
  const std::string whole = Files()["catalog.db"];
  const std::size_t pages = whole.size() / kPage;
  ASSERT_GT(pages, 10U);
  std::size_t noticed = 0;
  for (std::size_t page = 0; page < pages; ++page) {
    std::string damaged = whole;
    damaged.replace(page * kPage, kPage, std::string(kPage, static_cast<char>(0x80 + page)));
    Put(damaged);
    const auto catalog = Catalog::Open(root_);
    const Error error = [&] {
      if (!catalog) return catalog.error();
      const auto listed = catalog->Sandboxes();
      return listed ? Error{} : listed.error();
    }();
    if (error.what.empty()) continue;  // a page of an index that the list does not need
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt) << error.what;
    EXPECT_THAT(error.hint, HasSubstr("backup"));
    ++noticed;
  }
  EXPECT_GT(noticed, pages / 2);
}

TEST_F(DamagedCatalogTest, ARecordThatMakesNoSenseIsCorruptAndNamed) {
  for (const char* damage : {"UPDATE sandboxes SET state = 'asleep' WHERE id = 'sb-00000007'",
                             "UPDATE sandboxes SET timings = '[1]' WHERE id = 'sb-00000007'",
                             "PRAGMA ignore_check_constraints = ON; "
                             "UPDATE sandboxes SET size = -1 WHERE id = 'sb-00000007'"}) {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path_ + suffix);
    Fill();
    Sql(damage);
    const Catalog catalog = Catalog::Open(root_).value();
    const auto listed = catalog.Sandboxes();
    ASSERT_FALSE(listed) << damage;
    EXPECT_EQ(listed.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(listed.error().what, HasSubstr("sb-00000007"));
    EXPECT_THAT(listed.error().hint, HasSubstr("backup"));
    EXPECT_TRUE(catalog.Sandbox("sb-00000008")) << "the others are still to be had";
  }
}

TEST_F(DamagedCatalogTest, ATemplateThatMakesNoSenseIsCorruptAndNamed) {
  Fill();
  Sql("UPDATE templates SET kind = 'idea'");
  const auto found = Catalog::Open(root_)->Template("debian");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(found.error().what, HasSubstr("tp-00000001"));
}

TEST_F(DamagedCatalogTest, ARootThatIsNoDirectoryIsSaidToBe) {
  Put("x");
  const auto opened = Catalog::Open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kFailed);
  EXPECT_THAT(opened.error().what, HasSubstr("not a directory"));
  EXPECT_EQ(Catalog::Open(path_ + "/state").error().kind, ErrorKind::kFailed);
  EXPECT_EQ(Catalog::Open("").error().kind, ErrorKind::kUsage);
}

TEST_F(DamagedCatalogTest, ADirectoryInItsPlaceIsAFailureWithAHint) {
  fs::create_directory(path_);
  const auto opened = Catalog::Open(root_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kFailed);
  EXPECT_THAT(opened.error().hint, HasSubstr("read and write"));
}

TEST_F(DamagedCatalogTest, WithoutSpaceAVerbFailsAndWhatWasThereStays) {
  Fill();
  Forked crowded([&](const Voice&) {
    ::signal(SIGXFSZ, SIG_IGN);
    Catalog catalog = Catalog::Open(root_).value();
    const rlimit limit{.rlim_cur = 64UL << 10U, .rlim_max = 64UL << 10U};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    for (int i = 1000; i < 2000; ++i) {
      const auto added =
          catalog.Add(ExampleSandbox(fmt::format("sb-{:08x}", i), fmt::format("t{}", i)));
      if (!added) return added.error().kind == ErrorKind::kNoSpace && !added.error().hint.empty();
    }
    return false;
  });
  EXPECT_TRUE(crowded.Wait());
  Catalog catalog = Catalog::Open(root_).value();
  EXPECT_GE(catalog.Sandboxes()->size(), 200U);
  EXPECT_TRUE(catalog.RemoveSandbox("sb-00000000"));
}

}  // namespace
}  // namespace veneer
