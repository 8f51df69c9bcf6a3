#include "app/sandbox_commands.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "app/backends.h"
#include "app/output.h"
#include "app/session.h"
#include "app/views.h"
#include "base/size_text.h"
#include "images/space.h"
#include "sandbox/lifecycle.h"
#include "sandbox/recover.h"

namespace veneer {
namespace {

Result<int> PrintSandbox(const GlobalOptions& options, Session& session,
                         const SandboxRecord& record) {
  const Views views = VENEER_TRY(Views::Of(session.catalog(), session.layout()));
  PrintWarnings(record.warnings, options.style);
  VENEER_TRY(options.style == OutputStyle::kJson ? PrintJson(views.Json(record))
                                                 : Print(views.Text(record)));
  return 0;
}

Result<int> PrintSandboxes(const GlobalOptions& options, Session& session,
                           const std::vector<SandboxRecord>& records) {
  const Views views = VENEER_TRY(Views::Of(session.catalog(), session.layout()));
  for (const SandboxRecord& each : records) PrintWarnings(each.warnings, options.style);
  if (options.style == OutputStyle::kText) {
    VENEER_TRY(Print(views.Table(records)));
    return 0;
  }
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const SandboxRecord& each : records) json.push_back(views.Json(each));
  VENEER_TRY(PrintJson(json));
  return 0;
}

// What a command does with one sandbox, and then shows.
using Act = Result<SandboxRecord> (*)(Lifecycle&, const std::string&);

Result<int> ActOnOne(const GlobalOptions& options, const std::string& reference, Act act) {
  const auto session = VENEER_TRY(Session::OpenToChange(options));
  Lifecycle lifecycle(session->host());
  const SandboxRecord record = VENEER_TRY(act(lifecycle, reference));
  return PrintSandbox(options, *session, record);
}

nlohmann::ordered_json RecoveredJson(const std::vector<Recovered>& all) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Recovered& each : all) {
    json.push_back({{"object", each.object}, {"outcome", each.outcome}});
  }
  return json;
}

std::string RenderRecovered(const std::vector<Recovered>& all, std::string_view prefix) {
  std::string text;
  for (const Recovered& each : all) {
    text += OneLine(fmt::format("{}{}: {}", prefix, each.object, each.outcome)) + "\n";
  }
  return text;
}

}  // namespace

Result<int> SandboxCreate(const GlobalOptions& options, const CreateArguments& arguments) {
  CreateRequest request{.template_reference = arguments.template_reference,
                        .name = arguments.name,
                        .backend = VENEER_TRY(BackendChoiceNamed(arguments.backend)),
                        .export_kind = VENEER_TRY(ExportChosen(arguments.export_way))};
  if (arguments.size) request.size = VENEER_TRY(ParseSize(*arguments.size));
  if (arguments.boot) request.machine = VENEER_TRY(MachineOf(arguments.machine));
  const SpaceReserve reserve = VENEER_TRY(ParseSpaceReserve(arguments.reserve));
  const auto session = VENEER_TRY(Session::OpenToChange(options, reserve));
  const SandboxRecord record = VENEER_TRY(Lifecycle(session->host()).Create(request));
  return PrintSandbox(options, *session, record);
}

Result<int> SandboxList(const GlobalOptions& options) {
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return PrintNone(options);
  const auto sandboxes = VENEER_TRY(session->catalog().Sandboxes());
  return PrintSandboxes(options, *session, sandboxes);
}

Result<int> SandboxShow(const GlobalOptions& options, const std::string& reference) {
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return Fail(NoState(options));
  const SandboxRecord record = VENEER_TRY(session->catalog().Sandbox(reference));
  return PrintSandbox(options, *session, record);
}

Result<int> SandboxPause(const GlobalOptions& options, const std::string& reference) {
  return ActOnOne(options, reference, [](Lifecycle& lifecycle, const std::string& sandbox) {
    return lifecycle.Pause(sandbox);
  });
}

Result<int> SandboxResume(const GlobalOptions& options, const ResumeArguments& arguments) {
  std::optional<BackendChoice> backend;
  if (arguments.backend) backend = VENEER_TRY(BackendChoiceNamed(*arguments.backend));
  const auto session = VENEER_TRY(Session::OpenToChange(options));
  const SandboxRecord record =
      VENEER_TRY(Lifecycle(session->host()).Resume(arguments.sandbox, backend));
  return PrintSandbox(options, *session, record);
}

Result<int> SandboxDestroy(const GlobalOptions& options, const DestroyArguments& arguments) {
  const auto session = VENEER_TRY(Session::OpenToChange(options));
  const SandboxRecord record = VENEER_TRY(session->catalog().Sandbox(arguments.sandbox));
  VENEER_TRY(
      Lifecycle(session->host())
          .Destroy(record.id, arguments.force ? DestroyMode::kForce : DestroyMode::kCareful));
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson(DestroyedJson(record)));
  } else {
    VENEER_TRY(Print(fmt::format("destroyed {}\n", record.id)));
  }
  return 0;
}

Result<int> SandboxFork(const GlobalOptions& options, const ForkArguments& arguments) {
  const SpaceReserve reserve = VENEER_TRY(ParseSpaceReserve(arguments.reserve));
  const auto session = VENEER_TRY(Session::OpenToChange(options, reserve));
  const auto forks =
      VENEER_TRY(Lifecycle(session->host()).Fork(arguments.sandbox, arguments.count));
  return PrintSandboxes(options, *session, forks);
}

Result<int> RunRecover(const GlobalOptions& options) {
  const auto session = VENEER_TRY(Session::Open(options));
  const RecoverReport report = VENEER_TRY(Recover(session->host(), RecoverScope::kEverything));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["changed"] = RecoveredJson(report.changed);
    json["stuck"] = RecoveredJson(report.stuck);
    VENEER_TRY(PrintJson(json));
  } else if (report.changed.empty() && report.stuck.empty()) {
    VENEER_TRY(Print("nothing was half-done\n"));
  } else {
    VENEER_TRY(
        Print(RenderRecovered(report.changed, "") + RenderRecovered(report.stuck, "not yet: ")));
  }
  return report.stuck.empty() ? 0 : ExitStatus(ErrorKind::kConflict);
}

}  // namespace veneer
