#include "sandbox/json_views.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "cow/store_info.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

// Microseconds are as fine as the clock is of use for.
double Rounded(const StepTiming& timing) { return std::round(timing.took.count() * 1000) / 1000; }

Bytes AllocatedIn(const std::string& path) {
  const auto file = LinuxFile::Open(path, Access::kReadOnly);
  return file ? (*file)->AllocatedBytes().value_or(Bytes(0)) : Bytes(0);
}

nlohmann::ordered_json MachineJson(const SandboxRecord& sandbox) {
  return {{"state", MachineState(sandbox)},
          {"acceleration", sandbox.machine->acceleration},
          {"memory", sandbox.machine->memory.value()},
          {"cpus", sandbox.machine->cpus},
          {"network", sandbox.machine->network}};
}

}  // namespace

std::string_view MachineState(const SandboxRecord& sandbox) {
  if (sandbox.state == SandboxState::kRunning) return "running";
  return sandbox.reason.empty() ? "saved" : "ended";
}

std::string FormatTimestamp(Timestamp time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(
                                                  std::chrono::floor<std::chrono::seconds>(time))));
}

nlohmann::ordered_json TimingsJson(const std::vector<StepTiming>& timings) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const StepTiming& each : timings) json[each.step] = Rounded(each);
  return json;
}

Result<JsonViews> JsonViews::Of(const Catalog& catalog, const Layout& layout) {
  std::map<std::string, std::string> names;
  for (auto& each : VENEER_TRY(catalog.Templates())) names.emplace(each.id, std::move(each.name));
  return JsonViews(layout, std::move(names));
}

std::string JsonViews::TemplateOf(const SandboxRecord& sandbox) const {
  const auto name = template_names_.find(sandbox.template_id);
  return name == template_names_.end() ? sandbox.template_id : name->second;
}

JsonViews::Usage JsonViews::UsageOf(const SandboxRecord& sandbox) const {
  Usage usage;
  const auto store = LinuxFile::Open(layout_.Store(sandbox.id), Access::kReadOnly);
  if (!store) return usage;
  usage.used = (*store)->AllocatedBytes().value_or(Bytes(0));
  const auto info = ReadStoreInfo(**store);
  if (info) usage.changed = info->data;
  return usage;
}

Bytes JsonViews::UsedBy(const TemplateRecord& record) const {
  return AllocatedIn(layout_.Image(record.id));
}

nlohmann::ordered_json JsonViews::Json(const SandboxRecord& sandbox) const {
  const Usage usage = UsageOf(sandbox);
  nlohmann::ordered_json json;
  json["id"] = sandbox.id;
  json["name"] = sandbox.name;
  json["template"] = TemplateOf(sandbox);
  json["state"] = StateName(sandbox.state);
  json["backend"] = sandbox.backend;
  json["export"] = sandbox.export_way;
  json["path"] = sandbox.path ? nlohmann::ordered_json(*sandbox.path) : nlohmann::ordered_json();
  json["size"] = sandbox.size.value();
  json["used_bytes"] = usage.used.value();
  json["changed_bytes"] = usage.changed.value();
  json["created_at"] = FormatTimestamp(sandbox.created_at);
  json["operation"] = sandbox.last_operation;
  json["timings_ms"] = TimingsJson(sandbox.timings);
  if (sandbox.machine) json["machine"] = MachineJson(sandbox);
  if (!sandbox.reason.empty()) json["reason"] = sandbox.reason;
  if (!sandbox.warnings.empty()) json["warnings"] = sandbox.warnings;
  return json;
}

nlohmann::ordered_json JsonViews::Json(const TemplateRecord& record) const {
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

nlohmann::ordered_json JsonViews::Json(const Snapshot& snapshot) const {
  nlohmann::ordered_json json = Json(snapshot.record);
  json["held_ms"] = snapshot.held.count();
  json["timings_ms"] = TimingsJson(snapshot.timings);
  if (!snapshot.warnings.empty()) json["warnings"] = snapshot.warnings;
  return json;
}

nlohmann::ordered_json DestroyedJson(const SandboxRecord& sandbox) {
  return {{"id", sandbox.id}, {"name", sandbox.name}, {"destroyed", true}};
}

nlohmann::ordered_json RemovedJson(const TemplateRecord& record) {
  return {{"id", record.id}, {"name", record.name}, {"removed", true}};
}

}  // namespace veneer
