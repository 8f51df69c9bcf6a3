#include "app/gc.h"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/output.h"
#include "app/session.h"
#include "base/size_text.h"
#include "sandbox/orphans.h"

namespace veneer {
namespace {

// A state directory without a catalog is none of the sandboxes': no file in it is looked at.
Result<OrphanReport> CollectFiles(const GlobalOptions& options, GcMode mode) {
  if (!std::filesystem::exists(Layout(options.root, options.run).catalog())) return OrphanReport{};
  const auto session = VENEER_TRY(Session::Open(options));
  return CollectOrphans(session->host(), mode);
}

void Append(std::vector<GcFinding>& to, std::vector<GcFinding> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::string RenderFindings(std::string_view verb, const std::vector<GcFinding>& findings) {
  std::string text;
  for (const GcFinding& finding : findings) {
    text += OneLine(fmt::format("{} {}: {}", verb, finding.object, finding.reason)) + "\n";
  }
  return text;
}

std::string RenderReport(const GcReport& report, Bytes freed, GcMode mode) {
  std::string text =
      RenderFindings(mode == GcMode::kLook ? "would remove" : "removed", report.removed);
  text += RenderFindings("kept", report.kept);
  text += fmt::format("{} {} attached and well\n", report.adopted.size(),
                      report.adopted.size() == 1 ? "disk is" : "disks are");
  if (freed != Bytes(0)) {
    text += fmt::format("{} {}\n", FormatSize(freed),
                        mode == GcMode::kLook ? "would be freed" : "freed");
  }
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
  const auto claim = VENEER_TRY(ClaimRunDirectory(options));
  GcReport report = VENEER_TRY(CollectDisks(options, mode));
  OrphanReport files = VENEER_TRY(CollectFiles(options, mode));
  Append(report.removed, std::move(files.report.removed));
  Append(report.kept, std::move(files.report.kept));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["dry_run"] = arguments.dry_run;
    json["removed"] = FindingsJson(report.removed);
    json["kept"] = FindingsJson(report.kept);
    json["adopted"] = report.adopted;
    json["freed_bytes"] = files.freed.value();
    VENEER_TRY(PrintJson(json));
  } else {
    VENEER_TRY(Print(RenderReport(report, files.freed, mode)));
  }
  return report.kept.empty() ? 0 : ExitStatus(ErrorKind::kConflict);
}

}  // namespace veneer
