#include "catalog/schema.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

#include <cstddef>
#include <iterator>

#include "catalog/catalog.h"
#include "catalog/sqlite_error.h"

namespace veneer {
namespace {

constexpr const char* kSteps[] = {
    // 1: templates and sandboxes. Times are milliseconds since the epoch. (The number is "VNER".)
    R"(
    PRAGMA application_id = 1447970130;
    CREATE TABLE templates (
      id          TEXT NOT NULL PRIMARY KEY,
      name        TEXT NOT NULL UNIQUE,
      kind        TEXT NOT NULL,
      size        INTEGER NOT NULL CHECK (size >= 0),
      modified_ns INTEGER NOT NULL,
      inode       INTEGER NOT NULL,
      digest      TEXT NOT NULL,
      made_from   TEXT,
      created_at  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE sandboxes (
      id          TEXT NOT NULL PRIMARY KEY,
      name        TEXT NOT NULL UNIQUE,
      template_id TEXT NOT NULL REFERENCES templates (id),
      state       TEXT NOT NULL,
      backend     TEXT NOT NULL,
      path        TEXT,
      size        INTEGER NOT NULL CHECK (size >= 0),
      timings     TEXT NOT NULL,
      created_at  INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sandboxes_by_template ON sandboxes (template_id);
    CREATE INDEX sandboxes_by_state ON sandboxes (state);
    )",
    // 2: why a sandbox has its state, and what has been begun and is no sandbox.
    R"(
    ALTER TABLE sandboxes ADD COLUMN reason TEXT NOT NULL DEFAULT '';
    ALTER TABLE sandboxes ADD COLUMN last_operation TEXT NOT NULL DEFAULT '';
    CREATE TABLE intents (
      id       TEXT NOT NULL PRIMARY KEY,
      verb     TEXT NOT NULL,
      object   TEXT NOT NULL,
      began_at INTEGER NOT NULL
    ) STRICT;
    )",
    // 3: how the user backend shows a sandbox's disk. There was one way before.
    R"(
    ALTER TABLE sandboxes ADD COLUMN export_way TEXT NOT NULL DEFAULT 'fuse';
    )",
    // 4: what templates boot, and the machines of sandboxes (machine_text.h).
    R"(
    ALTER TABLE templates ADD COLUMN boot TEXT NOT NULL DEFAULT '';
    ALTER TABLE templates ADD COLUMN machine TEXT NOT NULL DEFAULT '';
    ALTER TABLE sandboxes ADD COLUMN machine TEXT NOT NULL DEFAULT '';
    )",
    // 5: in which boot of the host a sandbox was created.
    R"(
    ALTER TABLE sandboxes ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
    )",
};
static_assert(std::size(kSteps) == Catalog::kSchema);

std::int64_t NumberOf(SQLite::Database& database, const char* question) {
  return database.execAndGet(question).getInt64();
}

std::int64_t VersionOf(SQLite::Database& database) {
  return NumberOf(database, "PRAGMA user_version");
}

// In this order: whoever makes the tables meanwhile sets the id with them.
bool IsCatalogOrEmpty(SQLite::Database& database) {
  return NumberOf(database, "SELECT count(*) FROM sqlite_schema") == 0 ||
         NumberOf(database, "PRAGMA application_id") == kApplicationId;
}

// Nothing happens where another process has taken the step since `version` was read.
void TakeStep(SQLite::Database& database, std::int64_t version, const char* step) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  if (VersionOf(database) != version) return;
  database.exec(step);
  database.exec(fmt::format("PRAGMA user_version = {}", version + 1));
  transaction.commit();
}

}  // namespace

std::span<const char* const> SchemaSteps() { return kSteps; }

Result<void> Migrate(SQLite::Database& database, std::span<const char* const> steps) {
  if (!IsCatalogOrEmpty(database)) return Fail(NoCatalog(database.getFilename()));
  const auto newest = static_cast<std::int64_t>(steps.size());
  for (;;) {
    const std::int64_t version = VersionOf(database);
    if (version == newest) return {};
    if (version > newest) return Fail(NewerSchema(database.getFilename(), version));
    if (version < 0) return Fail(NoCatalog(database.getFilename()));
    TakeStep(database, version, steps[static_cast<std::size_t>(version)]);
  }
}

Error NoCatalog(const std::string& path) {
  return {ErrorKind::kCorrupt, 0,
          fmt::format("{} is an SQLite database, but no catalog of veneer's", path),
          "name another state directory with --root, or " + DamagedHint(path)};
}

Error NewerSchema(const std::string& path, std::int64_t version) {
  return {
      ErrorKind::kCorrupt, 0,
      fmt::format("{} has schema {}, and this program knows {}", path, version, Catalog::kSchema),
      "use the newer veneer that wrote it; nothing was changed"};
}

}  // namespace veneer
