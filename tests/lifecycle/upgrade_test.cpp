// A state directory that the previous version of the program has made, with sandboxes in it.
#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "catalog/testing/schema_one.h"
#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;

class UpgradeTest : public SandboxesTest {
 protected:
  [[nodiscard]] std::string Catalog() const { return root_ + "/catalog.db"; }

  // The catalog becomes what the program of schema 1 would have made of the same.
  void MakeItOld() const {
    const std::string newer = Path("newer.db");
    {
      SQLite::Database database(Catalog(), SQLite::OPEN_READWRITE);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    fs::rename(Catalog(), newer);
    for (const char* end : {"-wal", "-shm"}) fs::remove(Catalog() + end);
    SQLite::Database database(Catalog(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec(veneer::testing::kSchemaOne);
    database.exec("ATTACH '" + newer + "' AS newer");
    database.exec(
        "INSERT INTO templates SELECT id, name, kind, size, modified_ns, inode, digest, made_from,"
        " created_at FROM newer.templates");
    database.exec(
        "INSERT INTO sandboxes SELECT id, name, template_id, state, backend, path, size, timings,"
        " created_at FROM newer.sandboxes");
    database.exec("DETACH newer");
  }
};

TEST_F(UpgradeTest, EveryCommandGoesOnWithTheSandboxesOfTheVersionBefore) {
  const std::string running = Create("runs").at("id");
  Write(DiskOf("runs"), 1, 'r');
  Create("waits");
  Write(DiskOf("waits"), 1, 'w');
  Ok({"pause", "waits"});
  MakeItOld();

  EXPECT_EQ(Ok({"ls"}).size(), 2U);
  EXPECT_EQ(Show("runs").at("id"), running);
  EXPECT_EQ(Read(DiskOf("runs"), 1), 'r');
  EXPECT_EQ(Ok({"recover"}).at("changed"), json::array());
  EXPECT_EQ(StateOf("waits"), "paused");
  Ok({"resume", "waits"});
  EXPECT_EQ(Read(DiskOf("waits"), 1), 'w');
  const json forks = Ok({"fork", "waits", "--count", "2"});
  EXPECT_EQ(Read(forks.at(1).at("path"), 1), 'w');
  Ok({"snapshot", "create", "runs", "--name", "kept"});
  EXPECT_EQ(Read(Ok({"create", "kept", "--backend", Backend()}).at("path"), 1), 'r');
  Ok({"pause", "runs"});
  Ok({"destroy", "runs"});
  Ok({"gc"});
  ExpectAllAgree();
}

TEST_F(UpgradeTest, WhatTheVersionBeforeLeftHalfDoneIsEnded) {
  Create("web");
  Write(DiskOf("web"), 1, 'w');
  SQLite::Database(Catalog(), SQLite::OPEN_READWRITE)
      .exec("UPDATE sandboxes SET state = 'pausing'");
  MakeItOld();
  EXPECT_EQ(Ok({"recover"}).at("changed").size(), 1U);
  EXPECT_EQ(StateOf("web"), "paused");
  Ok({"resume", "web"});
  EXPECT_EQ(Read(DiskOf("web"), 1), 'w');
}

}  // namespace
}  // namespace veneer::lifecycle
