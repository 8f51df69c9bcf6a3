// Records as rows of the catalog's tables. What comes back is checked: the file may be damaged.
#pragma once

#include <string_view>

#include "base/result.h"
#include "catalog/query.h"
#include "catalog/records.h"

namespace veneer {

// Columns in the order in which Bind gives their values and …Of reads them.
inline constexpr std::string_view kTemplateColumns =
    "id, name, kind, size, modified_ns, inode, digest, made_from, created_at, boot, machine";
inline constexpr std::string_view kSandboxColumns =
    "id, name, template_id, state, reason, backend, export_way, path, size, last_operation, "
    "timings, created_at, boot_id, machine";
inline constexpr std::string_view kIntentColumns = "id, verb, object, began_at";

void Bind(Query& query, const TemplateRecord& record);
void Bind(Query& query, const SandboxRecord& record);
void Bind(Query& query, const IntentRecord& record);

// Size, time and inode, as they stand in the columns of a template.
void Bind(Query& query, const FileStamp& stamp);

// Of the row that the query is at. kCorrupt where it is no such record.
Result<TemplateRecord> TemplateOf(const Query& row);
Result<SandboxRecord> SandboxOf(const Query& row);
Result<IntentRecord> IntentOf(const Query& row);

}  // namespace veneer
