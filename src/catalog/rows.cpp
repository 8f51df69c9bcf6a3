#include "catalog/rows.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "catalog/machine_text.h"
#include "catalog/sqlite_error.h"
#include "catalog/timings.h"

namespace veneer {
namespace {

// SQLite has signed numbers only. A size beyond them is refused by the table.
std::int64_t Signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::uint64_t Unsigned(std::int64_t number) { return static_cast<std::uint64_t>(number); }

std::int64_t NumberOf(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp TimeOf(std::int64_t number) { return Timestamp(std::chrono::milliseconds(number)); }

std::unexpected<Error> Damaged(std::string_view object, const std::string& id,
                               std::string_view what) {
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the catalog's record of {} {} is damaged: {}", object, id, what),
              DamagedHint("catalog.db"));
}

}  // namespace

void Bind(Query& query, const FileStamp& stamp) {
  query.With(Signed(stamp.size.value())).With(stamp.modified_ns).With(Signed(stamp.inode));
}

void Bind(Query& query, const TemplateRecord& record) {
  query.With(record.id).With(record.name).With(KindName(record.kind));
  Bind(query, record.image);
  query.With(record.digest).With(record.made_from).With(NumberOf(record.created_at));
  query.With(EncodeBoot(record.boot)).With(EncodeMachineRecord(record.machine));
}

void Bind(Query& query, const SandboxRecord& record) {
  query.With(record.id).With(record.name).With(record.template_id);
  query.With(StateName(record.state)).With(record.reason).With(record.backend);
  query.With(record.export_way).With(record.path);
  query.With(Signed(record.size.value())).With(record.last_operation);
  query.With(EncodeTimings(record.timings)).With(NumberOf(record.created_at));
  query.With(record.boot_id).With(EncodeMachineRecord(record.machine));
}

void Bind(Query& query, const IntentRecord& record) {
  query.With(record.id).With(record.verb).With(record.object).With(NumberOf(record.began_at));
}

Result<TemplateRecord> TemplateOf(const Query& row) {
  const std::string id = row.Text(0);
  const std::optional<TemplateKind> kind = KindNamed(row.Text(2));
  if (!kind) return Damaged("template", id, "its kind");
  if (row.Number(3) < 0) return Damaged("template", id, "its size");
  auto boot = DecodeBoot(row.Text(9));
  if (!boot) return Damaged("template", id, boot.error().what);
  auto machine = DecodeMachineRecord(row.Text(10));
  if (!machine) return Damaged("template", id, machine.error().what);
  return TemplateRecord{.id = id,
                        .name = row.Text(1),
                        .kind = *kind,
                        .image = {.size = Bytes(Unsigned(row.Number(3))),
                                  .modified_ns = row.Number(4),
                                  .inode = Unsigned(row.Number(5))},
                        .digest = row.Text(6),
                        .made_from = row.OptionalText(7),
                        .created_at = TimeOf(row.Number(8)),
                        .boot = *std::move(boot),
                        .machine = *std::move(machine)};
}

Result<SandboxRecord> SandboxOf(const Query& row) {
  const std::string id = row.Text(0);
  const std::optional<SandboxState> state = StateNamed(row.Text(3));
  if (!state) return Damaged("sandbox", id, "its state");
  if (row.Number(8) < 0) return Damaged("sandbox", id, "its size");
  Result<std::vector<StepTiming>> timings = DecodeTimings(row.Text(10));
  if (!timings) return Damaged("sandbox", id, timings.error().what);
  auto machine = DecodeMachineRecord(row.Text(13));
  if (!machine) return Damaged("sandbox", id, machine.error().what);
  return SandboxRecord{.id = id,
                       .name = row.Text(1),
                       .template_id = row.Text(2),
                       .state = *state,
                       .reason = row.Text(4),
                       .backend = row.Text(5),
                       .export_way = row.Text(6),
                       .path = row.OptionalText(7),
                       .size = Bytes(Unsigned(row.Number(8))),
                       .last_operation = row.Text(9),
                       .timings = *std::move(timings),
                       .created_at = TimeOf(row.Number(11)),
                       .boot_id = row.Text(12),
                       .machine = *std::move(machine)};
}

Result<IntentRecord> IntentOf(const Query& row) {
  return IntentRecord{.id = row.Text(0),
                      .verb = row.Text(1),
                      .object = row.Text(2),
                      .began_at = TimeOf(row.Number(3))};
}

}  // namespace veneer
