// Query: a prepared statement in use. It is reset when this goes out of scope, which ends its hold
// on the database. Throws SQLite::Exception; stays behind Database.
#pragma once

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veneer {

class Query {
 public:
  // The statement outlives this object.
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() { statement_.tryReset(); }

  // Gives ?1, ?2 … their values, one after the other.
  Query& With(std::string_view text);
  Query& With(const std::string& text) { return With(std::string_view(text)); }
  Query& With(std::int64_t number);
  Query& With(const std::optional<std::string>& text);  // or NULL

  // The next row; false where there is none.
  bool Next() { return statement_.executeStep(); }
  // For a statement without rows: how many it has changed.
  int Run() { return statement_.exec(); }

  // Columns of the row, counted from 0. What has another type is converted as SQLite does it.
  [[nodiscard]] std::string Text(int column) const;
  [[nodiscard]] std::int64_t Number(int column) const;
  [[nodiscard]] std::optional<std::string> OptionalText(int column) const;

 private:
  SQLite::Statement& statement_;
  int bound_ = 0;
};

}  // namespace veneer
