#include "app/views.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/output.h"
#include "app/table.h"
#include "base/size_text.h"
#include "cow/store_info.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

// Microseconds are as fine as the clock is of use for.
double Rounded(const StepTiming& timing) { return std::round(timing.took.count() * 1000) / 1000; }

std::string TimingsText(const std::vector<StepTiming>& timings) {
  std::string text;
  for (const StepTiming& each : timings) {
    text += fmt::format("{}{} {:.1f} ms", text.empty() ? "" : ", ", each.step, each.took.count());
  }
  return text;
}

std::string_view MachineState(const SandboxRecord& sandbox) {
  if (sandbox.state == SandboxState::kRunning) return "running";
  return sandbox.reason.empty() ? "saved" : "ended";
}

nlohmann::ordered_json MachineJson(const SandboxRecord& sandbox) {
  return {{"state", MachineState(sandbox)},
          {"acceleration", sandbox.machine->acceleration},
          {"memory", sandbox.machine->memory.value()},
          {"cpus", sandbox.machine->cpus},
          {"network", sandbox.machine->network}};
}

std::string MachineText(const SandboxRecord& sandbox) {
  const MachineRecord& machine = *sandbox.machine;
  return fmt::format("{}, {}, {} of memory, {} {}, network {}", MachineState(sandbox),
                     machine.acceleration, FormatSize(machine.memory), machine.cpus,
                     machine.cpus == 1 ? "CPU" : "CPUs", machine.network);
}

Bytes AllocatedIn(const std::string& path) {
  const auto file = LinuxFile::Open(path, Access::kReadOnly);
  return file ? (*file)->AllocatedBytes().value_or(Bytes(0)) : Bytes(0);
}

}  // namespace

std::string FormatTimestamp(Timestamp time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(
                                                  std::chrono::floor<std::chrono::seconds>(time))));
}

Result<int> PrintNone(const GlobalOptions& options) {
  if (options.style == OutputStyle::kJson) VENEER_TRY(PrintJson(nlohmann::ordered_json::array()));
  return 0;
}

Error NoState(const GlobalOptions& options) {
  return {ErrorKind::kNotFound, 0, fmt::format("there is no state in {} yet", options.root),
          "name another directory with --root, or begin with 'veneer template import'"};
}

nlohmann::ordered_json TimingsJson(const std::vector<StepTiming>& timings) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const StepTiming& each : timings) json[each.step] = Rounded(each);
  return json;
}

Result<Views> Views::Of(const Catalog& catalog, const Layout& layout) {
  std::map<std::string, std::string> names;
  for (auto& each : VENEER_TRY(catalog.Templates())) names.emplace(each.id, std::move(each.name));
  return Views(layout, std::move(names));
}

std::string Views::TemplateOf(const SandboxRecord& sandbox) const {
  const auto name = template_names_.find(sandbox.template_id);
  return name == template_names_.end() ? sandbox.template_id : name->second;
}

Views::Usage Views::UsageOf(const SandboxRecord& sandbox) const {
  Usage usage;
  const auto store = LinuxFile::Open(layout_.Store(sandbox.id), Access::kReadOnly);
  if (!store) return usage;
  usage.used = (*store)->AllocatedBytes().value_or(Bytes(0));
  const auto info = ReadStoreInfo(**store);
  if (info) usage.changed = info->data;
  return usage;
}

Bytes Views::UsedBy(const TemplateRecord& record) const {
  return AllocatedIn(layout_.Image(record.id));
}

nlohmann::ordered_json Views::Json(const SandboxRecord& sandbox) const {
  const Usage usage = UsageOf(sandbox);
  nlohmann::ordered_json json;
  json["id"] = sandbox.id;
  json["name"] = sandbox.name;
  json["template"] = TemplateOf(sandbox);
  json["state"] = StateName(sandbox.state);
  json["backend"] = sandbox.backend;
  json["path"] = sandbox.path ? nlohmann::ordered_json(*sandbox.path) : nlohmann::ordered_json();
  json["size"] = sandbox.size.value();
  json["used_bytes"] = usage.used.value();
  json["changed_bytes"] = usage.changed.value();
  json["created_at"] = FormatTimestamp(sandbox.created_at);
  json["operation"] = sandbox.last_operation;
  json["timings_ms"] = TimingsJson(sandbox.timings);
  if (sandbox.machine) json["machine"] = MachineJson(sandbox);
  if (!sandbox.reason.empty()) json["reason"] = sandbox.reason;
  return json;
}

nlohmann::ordered_json Views::Json(const TemplateRecord& record) const {
  nlohmann::ordered_json json;
  json["id"] = record.id;
  json["name"] = record.name;
  json["kind"] = KindName(record.kind);
  json["size"] = record.image.size.value();
  json["used_bytes"] = UsedBy(record).value();
  json["digest"] = record.digest;
  json["created_at"] = FormatTimestamp(record.created_at);
  if (record.made_from) json["made_from"] = *record.made_from;
  json["boots"] = record.boot.has_value();
  return json;
}

std::string Views::Text(const SandboxRecord& sandbox) const {
  const Usage usage = UsageOf(sandbox);
  KeyValues pairs{{"id", sandbox.id},
                  {"name", sandbox.name},
                  {"template", TemplateOf(sandbox)},
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
                  {"used", RenderSize(UsedBy(record))},
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
    const Usage usage = UsageOf(each);
    rows.push_back({each.id, each.name, TemplateOf(each), std::string(StateName(each.state)),
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
                    FormatSize(UsedBy(each)), FormatTimestamp(each.created_at), each.id});
  }
  return RenderTable(
      {{"NAME"}, {"KIND"}, {"SIZE", Align::kRight}, {"USED", Align::kRight}, {"CREATED"}, {"ID"}},
      rows);
}

}  // namespace veneer
