// CatalogDatabase: the open file behind a Catalog, and the edge at which exceptions of SQLite
// become errors. Only the catalog's own .cpp files include this.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "catalog/query.h"
#include "catalog/records.h"
#include "catalog/sqlite_error.h"

namespace veneer {

class CatalogDatabase {
 public:
  // Makes what is missing, looks before it touches, migrates.
  static Result<std::unique_ptr<CatalogDatabase>> Open(const std::string& root);

  // Catalog::Sync.
  [[nodiscard]] Result<void> SyncLog() const;

  // For what a Read or a Write does: the statement is prepared at its first use, and kept. One
  // Query at a time for each text.
  Query Ask(const std::string& sql);

  // Does `action`, which gives a Result; `step` says for messages what that is.
  template <std::invocable Action>
  std::invoke_result_t<Action> Read(std::string_view step, Action action) {
    try {
      return action();
    } catch (const SQLite::Exception& exception) {
      return Fail(SqliteError(exception, ::sqlite3_system_errno(connection_.getHandle()), step,
                              connection_.getFilename()));
    }
  }

  // The same in a transaction that is committed where `action` succeeds and is as if it had never
  // begun where it fails.
  template <std::invocable Action>
  Result<void> Write(std::string_view step, Action action, Lasting lasting = Lasting::kAtOnce) {
    return Read(step, [&]() -> Result<void> {
      SyncCommits(lasting);
      SQLite::Transaction transaction(connection_, SQLite::TransactionBehavior::IMMEDIATE);
      VENEER_TRY(RequireSchema());
      VENEER_TRY(action());
      return Commit(transaction, step);
    });
  }

 private:
  explicit CatalogDatabase(SQLite::Database connection) : connection_(std::move(connection)) {}
  Result<void> Prepare();
  Result<void> RequireSchema();
  void SyncCommits(Lasting lasting);
  Result<void> Commit(SQLite::Transaction& transaction, std::string_view step);
  static int NoteLog(void* self, sqlite3* connection, const char* name, int pages);
  void ShortenLog();

  SQLite::Database connection_;
  Lasting lasting_ = Lasting::kAtOnce;  // what commits are now
  int log_pages_ = 0;                   // after the last change of this connection
  std::map<std::string, SQLite::Statement, std::less<>> statements_;
};

}  // namespace veneer
