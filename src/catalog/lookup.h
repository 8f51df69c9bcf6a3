// Finding an object of the catalog by what a person calls it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/database.h"

namespace veneer {

// A table of objects, and how to speak of them.
struct ObjectKind {
  std::string_view noun;       // "sandbox"
  std::string_view id_prefix;  // "sb-"
  std::string_view table;
  std::string_view columns;
  std::string_view list_command;
};

Error NoSuchObject(const ObjectKind& kind, std::string_view reference);

// "SELECT columns FROM table" and the rest.
std::string Select(const ObjectKind& kind, std::string_view rest);

// Of ids that begin as `reference` does, "sb-1f": the first one, and one that is behind the last.
// Both empty where it is no beginning of an id. "1f" is none: it is a name, and whoever destroys
// that one twice must not hit another's id.
std::pair<std::string, std::string> IdRange(const ObjectKind& kind, std::string_view reference);

// kUsage: `names` are some of those that fit.
Error Ambiguous(const ObjectKind& kind, std::string_view reference,
                const std::vector<std::string>& names);

// All rows that are left.
template <class Record>
Result<std::vector<Record>> AllOf(Query& query, Result<Record> (*decode)(const Query&)) {
  std::vector<Record> records;
  while (query.Next()) records.push_back(VENEER_TRY(decode(query)));
  return records;
}

// What has that id; else that name; else the only id that begins so. May throw SQLite::Exception.
template <class Record>
Result<Record> FindObject(CatalogDatabase& database, const ObjectKind& kind,
                          std::string_view reference, Result<Record> (*decode)(const Query&)) {
  Query exact =
      database.Ask(Select(kind, "WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1"));
  if (exact.With(reference).Next()) return decode(exact);
  const auto [first, behind] = IdRange(kind, reference);
  if (first.empty()) return Fail(NoSuchObject(kind, reference));
  // One more than are named, to know whether there are more.
  Query range = database.Ask(Select(kind, "WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 6"));
  range.With(first).With(behind);
  std::vector<Record> found = VENEER_TRY(AllOf(range, decode));
  if (found.empty()) return Fail(NoSuchObject(kind, reference));
  if (found.size() == 1) return std::move(found.front());
  std::vector<std::string> names;
  names.reserve(found.size());
  for (const Record& record : found) names.push_back(record.id);
  return Fail(Ambiguous(kind, reference, names));
}

}  // namespace veneer
