// The tables of the catalog, and how those of older programs become them.
//
// A step leads from one schema to the next and is one transaction. A new catalog takes all of them,
// so that a new one and a migrated one cannot differ. A step that has been released is never
// changed: the next one mends it.
//
//   PRAGMA user_version     the schema; 0: nothing is there yet
//   PRAGMA application_id   "VNER" in ASCII: the file is a catalog
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace veneer {

inline constexpr std::uint32_t kApplicationId = 0x564e4552;

// Step n (counted from 0) is SQL that leads from schema n to n + 1.
std::span<const char* const> SchemaSteps();

// Brings the catalog at the end of `steps`. Others may do the same at once. kCorrupt: the file is
// no catalog, or is ahead of `steps`; nothing is changed then. Throws SQLite::Exception; the step
// that threw it has changed nothing.
Result<void> Migrate(SQLite::Database& database, std::span<const char* const> steps);

// Of the file at `path`: a database of somebody else's; a catalog that this program cannot
// understand.
Error NoCatalog(const std::string& path);
Error NewerSchema(const std::string& path, std::int64_t version);

}  // namespace veneer
