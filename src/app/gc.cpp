#include "app/gc.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "app/output.h"
#include "backend/dm/host_dm_backend.h"
#include "backend/dm/reconcile.h"
#include "backend/instance.h"
#include "backend/user/collect.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {
namespace {

template <class T>
void Append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void Append(GcReport& to, GcReport from) {
  Append(to.adopted, std::move(from.adopted));
  Append(to.removed, std::move(from.removed));
  Append(to.kept, std::move(from.kept));
}

Result<GcReport> CollectUser(const std::string& run_dir, GcMode mode) {
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  return CollectDeadDisks(run_dir, {.mounts = mounts, .loops = loops, .holders = holders}, mode);
}

// A state directory that never had an instance has no devices, nor has a host without the target.
Result<GcReport> CollectDm(const GlobalOptions& options, GcMode mode) {
  const auto instance = VENEER_TRY(FindInstance(options.root));
  if (!instance) return GcReport{};
  HostDmBackend backend({.run_dir = options.run, .instance = *instance});
  const Result<void> usable = backend.RequireHost();
  if (!usable && usable.error().kind == ErrorKind::kUnsupported) return GcReport{};
  if (!usable) return Fail(usable.error());
  return Reconcile(backend, backend.ports(), mode);
}

std::string RenderFindings(std::string_view verb, const std::vector<GcFinding>& findings) {
  std::string text;
  for (const GcFinding& finding : findings) {
    text += OneLine(fmt::format("{} {}: {}", verb, finding.object, finding.reason)) + "\n";
  }
  return text;
}

std::string RenderReport(const GcReport& report, GcMode mode) {
  std::string text =
      RenderFindings(mode == GcMode::kLook ? "would remove" : "removed", report.removed);
  text += RenderFindings("kept", report.kept);
  text += fmt::format("{} {} attached and well\n", report.adopted.size(),
                      report.adopted.size() == 1 ? "disk is" : "disks are");
  return text;
}

nlohmann::ordered_json FindingsJson(const std::vector<GcFinding>& findings) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const GcFinding& finding : findings) {
    json.push_back({{"object", finding.object}, {"reason", finding.reason}});
  }
  return json;
}

}  // namespace

Result<int> RunGc(const GlobalOptions& options, const GcArguments& arguments) {
  const GcMode mode = arguments.dry_run ? GcMode::kLook : GcMode::kRemove;
  GcReport report = VENEER_TRY(CollectUser(options.run, mode));
  Append(report, VENEER_TRY(CollectDm(options, mode)));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["dry_run"] = arguments.dry_run;
    json["removed"] = FindingsJson(report.removed);
    json["kept"] = FindingsJson(report.kept);
    json["adopted"] = report.adopted;
    VENEER_TRY(PrintJson(json));
  } else {
    VENEER_TRY(Print(RenderReport(report, mode)));
  }
  return report.kept.empty() ? 0 : ExitStatus(ErrorKind::kConflict);
}

}  // namespace veneer
