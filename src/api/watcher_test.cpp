#include "api/watcher.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>

#include "cow/create.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer::api {
namespace {

namespace fs = std::filesystem;

class WatcherTest : public veneer::testing::SandboxTest {
 protected:
  // What one look tells: "watch object: detail".
  std::vector<std::string> Look() {
    told_.clear();
    watcher_.Look();
    return told_;
  }

  std::vector<std::string> told_;
  Watcher watcher_{host_, [this](const Finding& each) {
                     told_.push_back(each.watch + " " + each.object + ": " + each.detail);
                   }};
};

// Somebody else's hand in the catalog.
class Database {
 public:
  explicit Database(const std::string& path) {
    EXPECT_EQ(::sqlite3_open(path.c_str(), &database_), SQLITE_OK);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { ::sqlite3_close(database_); }

  void Do(const char* statement) {
    EXPECT_EQ(::sqlite3_exec(database_, statement, nullptr, nullptr, nullptr), SQLITE_OK);
  }

 private:
  sqlite3* database_ = nullptr;
};

using Nothing = std::vector<std::string>;

TEST_F(WatcherTest, WhereAllIsWellNothingIsTold) {
  Create("web");
  EXPECT_EQ(Look(), Nothing());
}

TEST_F(WatcherTest, ADiskThatWentIsToldOnceAndItsSandboxPaused) {
  const SandboxRecord web = Create("web");
  DiskBackend* const backend = *backends_.Named(web.backend);
  static_cast<veneer::testing::FakeBackend*>(backend)->Drop(*web.path);
  const auto told = Look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("disk sandbox " + web.id + ": paused"), std::string::npos) << told[0];
  EXPECT_EQ(Recorded("web").state, SandboxState::kPaused);
  EXPECT_EQ(Look(), Nothing());
}

TEST_F(WatcherTest, AnImageThatIsAnotherIsToldUntilItIsBack) {
  const std::string image = layout_.Image(base_.id);
  const auto written = fs::last_write_time(image);
  fs::permissions(image, fs::perms::owner_all);
  Write(image, 0, "TEMPLATE");
  fs::last_write_time(image, written + std::chrono::seconds(5));
  const auto told = Look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("template " + base_.id), std::string::npos) << told[0];
  EXPECT_EQ(Look(), Nothing()) << "it is known";
  Write(image, 0, "template");
  fs::last_write_time(image, written + std::chrono::seconds(9));
  EXPECT_EQ(Look(), Nothing{"template template " + base_.id + ": well again"});
  fs::remove(image);
  EXPECT_EQ(Look().size(), 1U);
  EXPECT_EQ(Look(), Nothing());
}

TEST_F(WatcherTest, AnImageThatCouldNotBeLookedAtIsLookedAtAgain) {
  const std::string image = layout_.Image(base_.id);
  Database other(layout_.root() + "/catalog.db");
  other.Do(
      "CREATE TRIGGER no_restamp BEFORE UPDATE ON templates BEGIN SELECT RAISE(FAIL, ''); END");
  fs::last_write_time(image, fs::last_write_time(image) + std::chrono::seconds(5));
  EXPECT_EQ(Look().size(), 1U);
  other.Do("DROP TRIGGER no_restamp");
  EXPECT_EQ(Look(), Nothing{"template template " + base_.id + ": well again"});
}

TEST_F(WatcherTest, AStoreThatIsNearlyFullGrows) {
  const SandboxRecord web = Create("web");
  ASSERT_TRUE(lifecycle_.Pause("web"));
  const std::string store = layout_.Store(web.id);
  fs::remove(store);
  ASSERT_TRUE(CreateStore(store, {.chunk_size = ChunkSize{},
                                  .origin_size = MiB(4),
                                  .disk_size = MiB(4),
                                  .max_change = KiB(64)}));
  const auto resumed = lifecycle_.Resume("web");
  ASSERT_TRUE(resumed) << resumed.error().what;
  Write(*resumed->path, 0, std::string(std::size_t{60} << 10U, 'x'));
  // What was written is in the store from here on.
  ASSERT_TRUE(lifecycle_.Pause("web"));
  ASSERT_TRUE(lifecycle_.Resume("web"));
  const auto told = Look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("store sandbox " + web.id + ": grown from"), std::string::npos) << told[0];
  EXPECT_EQ(Look(), Nothing());
}

TEST_F(WatcherTest, AReserveThatIsTouchedIsToldOnce) {
  host_.reserve = {.percent = 0, .size = GiB(std::uint64_t{1} << 30U)};
  Watcher strict(host_, [this](const Finding& each) { told_.push_back(each.watch); });
  strict.Look();
  strict.Look();
  EXPECT_EQ(told_, Nothing{"room"});
}

}  // namespace
}  // namespace veneer::api
