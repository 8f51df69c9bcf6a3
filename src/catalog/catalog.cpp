#include "catalog/catalog.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "catalog/database.h"
#include "catalog/ids.h"
#include "catalog/lookup.h"
#include "catalog/rows.h"

namespace veneer {
namespace {

constexpr ObjectKind kTemplate{.noun = "template",
                               .id_prefix = kTemplatePrefix,
                               .table = "templates",
                               .columns = kTemplateColumns,
                               .list_command = "veneer template ls"};
constexpr ObjectKind kSandbox{.noun = "sandbox",
                              .id_prefix = kSandboxPrefix,
                              .table = "sandboxes",
                              .columns = kSandboxColumns,
                              .list_command = "veneer ls"};
// Named after what is being made; nobody looks for one.
constexpr ObjectKind kIntent{.noun = "task of making",
                             .id_prefix = kTemplatePrefix,
                             .table = "intents",
                             .columns = kIntentColumns,
                             .list_command = "veneer template ls"};

constexpr std::string_view kByCreation = "ORDER BY created_at, id";
constexpr std::string_view kEndIntent = "DELETE FROM intents WHERE id = ?1";

// "(?, ?, ?)" for as many columns.
std::string PlacesFor(std::string_view columns) {
  std::string places = "(?";
  for (auto left = std::ranges::count(columns, ','); left > 0; --left) places += ", ?";
  return places + ")";
}

std::string Insert(const ObjectKind& kind) {
  return fmt::format("INSERT INTO {} ({}) VALUES {}", kind.table, kind.columns,
                     PlacesFor(kind.columns));
}

// Runs what writes a record. The rule of the table that it breaks tells what is wrong with it.
// kNotFound where there was none to change.
Result<void> Put(Query& query, const ObjectKind& kind, const std::string& id,
                 std::string_view name) {
  try {
    if (query.Run() == 0) return Fail(NoSuchObject(kind, id));
    return {};
  } catch (const SQLite::Exception& exception) {
    switch (exception.getExtendedErrorCode()) {
      case SQLITE_CONSTRAINT_UNIQUE:
        return Fail(ErrorKind::kConflict,
                    fmt::format("there is a {} \"{}\" already", kind.noun, name),
                    "choose another name");
      case SQLITE_CONSTRAINT_PRIMARYKEY:
        return Fail(ErrorKind::kConflict, fmt::format("there is a {} {} already", kind.noun, id));
      case SQLITE_CONSTRAINT_FOREIGNKEY:
        return Fail(ErrorKind::kNotFound,
                    fmt::format("the template of the {} \"{}\" is gone", kind.noun, name),
                    "see what there is: veneer template ls");
      case SQLITE_CONSTRAINT_CHECK:
        return Fail(ErrorKind::kUsage, fmt::format("the {} \"{}\" is too large", kind.noun, name));
      default:
        throw;
    }
  }
}

Result<void> PutTemplate(CatalogDatabase& database, const TemplateRecord& record) {
  Query query = database.Ask(Insert(kTemplate));
  Bind(query, record);
  return Put(query, kTemplate, record.id, record.name);
}

Result<void> PutSandbox(CatalogDatabase& database, const SandboxRecord& record) {
  Query query = database.Ask(Insert(kSandbox));
  Bind(query, record);
  return Put(query, kSandbox, record.id, record.name);
}

Result<void> ReplaceSandbox(CatalogDatabase& database, const SandboxRecord& record) {
  Query query = database.Ask(fmt::format("UPDATE sandboxes SET ({}) = {} WHERE id = ?1",
                                         kSandboxColumns, PlacesFor(kSandboxColumns)));
  Bind(query, record);
  return Put(query, kSandbox, record.id, record.name);
}

// kConflict where sandboxes have this template.
Result<void> RequireUnused(CatalogDatabase& database, const std::string& id) {
  constexpr std::size_t kNamed = 10;
  Query query = database.Ask("SELECT name FROM sandboxes WHERE template_id = ?1 ORDER BY name");
  query.With(id);
  std::vector<std::string> names;
  while (query.Next()) names.push_back(query.Text(0));
  if (names.empty()) return {};
  const std::span<const std::string> named(names.data(), std::min(names.size(), kNamed));
  const std::size_t more = names.size() - named.size();
  return Fail(ErrorKind::kConflict,
              fmt::format("the template is used by {}{}", fmt::join(named, ", "),
                          more > 0 ? fmt::format(" and {} more", more) : ""),
              "destroy these sandboxes first: veneer destroy ID");
}

}  // namespace

Catalog::Catalog(std::unique_ptr<CatalogDatabase> database) : database_(std::move(database)) {}
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

Result<Catalog> Catalog::Open(const std::string& root) {
  return Catalog(VENEER_TRY(CatalogDatabase::Open(root)));
}

Result<void> Catalog::Add(const TemplateRecord& record) {
  return database_->Write("add a template", [&] { return PutTemplate(*database_, record); });
}

Result<void> Catalog::AddAndEnd(const TemplateRecord& record, const IntentRecord& intent) {
  return database_->Write("add a template", [&]() -> Result<void> {
    VENEER_TRY(PutTemplate(*database_, record));
    database_->Ask(std::string(kEndIntent)).With(intent.id).Run();
    return {};
  });
}

Result<void> Catalog::Restamp(const std::string& id, const FileStamp& image) {
  return database_->Write("restamp a template", [&]() -> Result<void> {
    Query query = database_->Ask(
        "UPDATE templates SET (size, modified_ns, inode) = (?1, ?2, ?3) WHERE id = ?4");
    Bind(query, image);
    query.With(id);
    return Put(query, kTemplate, id, id);
  });
}

Result<TemplateRecord> Catalog::Template(std::string_view reference) const {
  return database_->Read("find a template",
                         [&] { return FindObject(*database_, kTemplate, reference, TemplateOf); });
}

Result<std::vector<TemplateRecord>> Catalog::Templates() const {
  return database_->Read("list the templates", [&] {
    Query query = database_->Ask(Select(kTemplate, "ORDER BY name"));
    return AllOf(query, TemplateOf);
  });
}

Result<void> Catalog::RemoveTemplate(const std::string& id) {
  return database_->Write("remove a template", [&]() -> Result<void> {
    VENEER_TRY(RequireUnused(*database_, id));
    database_->Ask("DELETE FROM templates WHERE id = ?1").With(id).Run();
    return {};
  });
}

Result<void> Catalog::Add(const SandboxRecord& record, Lasting lasting) {
  return database_->Write("add a sandbox", [&] { return PutSandbox(*database_, record); }, lasting);
}

Result<void> Catalog::Add(const std::vector<SandboxRecord>& records, Lasting lasting) {
  return database_->Write(
      "add sandboxes",
      [&]() -> Result<void> {
        for (const SandboxRecord& record : records) VENEER_TRY(PutSandbox(*database_, record));
        return {};
      },
      lasting);
}

Result<void> Catalog::Update(const SandboxRecord& record, Lasting lasting) {
  return database_->Write(
      "update a sandbox", [&] { return ReplaceSandbox(*database_, record); }, lasting);
}

Result<void> Catalog::Update(const std::vector<SandboxRecord>& records) {
  return database_->Write("update sandboxes", [&]() -> Result<void> {
    for (const SandboxRecord& record : records) VENEER_TRY(ReplaceSandbox(*database_, record));
    return {};
  });
}

Result<SandboxRecord> Catalog::Sandbox(std::string_view reference) const {
  return database_->Read("find a sandbox",
                         [&] { return FindObject(*database_, kSandbox, reference, SandboxOf); });
}

Result<std::vector<SandboxRecord>> Catalog::Sandboxes() const {
  return database_->Read("list the sandboxes", [&] {
    Query query = database_->Ask(Select(kSandbox, kByCreation));
    return AllOf(query, SandboxOf);
  });
}

Result<std::vector<SandboxRecord>> Catalog::SandboxesIn(
    const std::vector<SandboxState>& states) const {
  return database_->Read("list sandboxes", [&] {
    static_assert(std::size(kSandboxStates) == 7);
    Query query = database_->Ask(
        Select(kSandbox, fmt::format("WHERE state IN (?, ?, ?, ?, ?, ?, ?) {}", kByCreation)));
    // A place for every state; those that are not asked for stay NULL, which is equal to nothing.
    for (const SandboxState state : kSandboxStates) {
      const bool wanted = std::ranges::find(states, state) != states.end();
      query.With(wanted ? std::optional(std::string(StateName(state))) : std::nullopt);
    }
    return AllOf(query, SandboxOf);
  });
}

Result<void> Catalog::RemoveSandbox(const std::string& id, Lasting lasting) {
  return database_->Write(
      "remove a sandbox",
      [&]() -> Result<void> {
        database_->Ask("DELETE FROM sandboxes WHERE id = ?1").With(id).Run();
        return {};
      },
      lasting);
}

Result<void> Catalog::Begin(const IntentRecord& intent) {
  return database_->Write("begin an intent", [&]() -> Result<void> {
    Query query = database_->Ask(Insert(kIntent));
    Bind(query, intent);
    return Put(query, kIntent, intent.id, intent.id);
  });
}

Result<void> Catalog::End(const std::string& id) {
  return database_->Write("end an intent", [&]() -> Result<void> {
    database_->Ask(std::string(kEndIntent)).With(id).Run();
    return {};
  });
}

Result<std::vector<IntentRecord>> Catalog::Intents() const {
  return database_->Read("list the intents", [&] {
    Query query =
        database_->Ask(fmt::format("SELECT {} FROM intents ORDER BY began_at, id", kIntentColumns));
    return AllOf(query, IntentOf);
  });
}

Result<void> Catalog::Sync() const { return database_->SyncLog(); }

}  // namespace veneer
