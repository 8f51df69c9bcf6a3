#include "app/views.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "app/output.h"
#include "app/table.h"
#include "base/size_text.h"

namespace veneer {
namespace {

std::string TimingsText(const std::vector<StepTiming>& timings) {
  std::string text;
  for (const StepTiming& each : timings) {
    text += fmt::format("{}{} {:.1f} ms", text.empty() ? "" : ", ", each.step, each.took.count());
  }
  return text;
}

std::string MachineText(const SandboxRecord& sandbox) {
  const MachineRecord& machine = *sandbox.machine;
  return fmt::format("{}, {}, {} of memory, {} {}, network {}", MachineState(sandbox),
                     machine.acceleration, FormatSize(machine.memory), machine.cpus,
                     machine.cpus == 1 ? "CPU" : "CPUs", machine.network);
}

}  // namespace

Result<int> PrintNone(const GlobalOptions& options) {
  if (options.style == OutputStyle::kJson) VENEER_TRY(PrintJson(nlohmann::ordered_json::array()));
  return 0;
}

Error NoState(const GlobalOptions& options) {
  return {ErrorKind::kNotFound, 0, fmt::format("there is no state in {} yet", options.root),
          "name another directory with --root, or begin with 'veneer template import'"};
}

Result<Views> Views::Of(const Catalog& catalog, const Layout& layout) {
  return Views(VENEER_TRY(JsonViews::Of(catalog, layout)));
}

nlohmann::ordered_json Views::Json(const SandboxRecord& sandbox) const {
  return json_.Json(sandbox);
}

nlohmann::ordered_json Views::Json(const TemplateRecord& record) const {
  return json_.Json(record);
}

nlohmann::ordered_json Views::Json(const Snapshot& snapshot) const { return json_.Json(snapshot); }

std::string Views::Text(const SandboxRecord& sandbox) const {
  const JsonViews::Usage usage = json_.UsageOf(sandbox);
  KeyValues pairs{{"id", sandbox.id},
                  {"name", sandbox.name},
                  {"template", json_.TemplateOf(sandbox)},
                  {"state", std::string(StateName(sandbox.state))},
                  {"backend", sandbox.backend},
                  {"path", sandbox.path.value_or("-")},
                  {"size", RenderSize(sandbox.size)},
                  {"used", RenderSize(usage.used)},
                  {"changed", RenderSize(usage.changed)},
                  {"created", FormatTimestamp(sandbox.created_at)}};
  if (sandbox.machine) pairs.emplace_back("machine", MachineText(sandbox));
  if (!sandbox.timings.empty()) {
    pairs.emplace_back(sandbox.last_operation, TimingsText(sandbox.timings));
  }
  if (!sandbox.reason.empty()) pairs.emplace_back("reason", sandbox.reason);
  return RenderKeyValues(pairs);
}

std::string Views::Text(const TemplateRecord& record) const {
  KeyValues pairs{{"id", record.id},
                  {"name", record.name},
                  {"kind", std::string(KindName(record.kind))},
                  {"size", RenderSize(record.image.size)},
                  {"used", RenderSize(json_.UsedBy(record))},
                  {"digest", record.digest},
                  {"created", FormatTimestamp(record.created_at)}};
  if (record.made_from) pairs.emplace_back("made from", *record.made_from);
  if (record.boot) pairs.emplace_back("boots", "yes");
  return RenderKeyValues(pairs);
}

std::string Views::Table(const std::vector<SandboxRecord>& sandboxes) const {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(sandboxes.size());
  for (const SandboxRecord& each : sandboxes) {
    const JsonViews::Usage usage = json_.UsageOf(each);
    rows.push_back({each.id, each.name, json_.TemplateOf(each), std::string(StateName(each.state)),
                    each.backend, FormatSize(each.size), FormatSize(usage.used),
                    FormatSize(usage.changed), each.path.value_or("-")});
  }
  return RenderTable({{"ID"},
                      {"NAME"},
                      {"TEMPLATE"},
                      {"STATE"},
                      {"BACKEND"},
                      {"SIZE", Align::kRight},
                      {"USED", Align::kRight},
                      {"CHANGED", Align::kRight},
                      {"PATH"}},
                     rows);
}

std::string Views::Table(const std::vector<TemplateRecord>& records) const {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(records.size());
  for (const TemplateRecord& each : records) {
    rows.push_back({each.name, std::string(KindName(each.kind)), FormatSize(each.image.size),
                    FormatSize(json_.UsedBy(each)), FormatTimestamp(each.created_at), each.id});
  }
  return RenderTable(
      {{"NAME"}, {"KIND"}, {"SIZE", Align::kRight}, {"USED", Align::kRight}, {"CREATED"}, {"ID"}},
      rows);
}

}  // namespace veneer
