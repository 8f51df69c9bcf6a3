#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "app/output.h"
#include "app/progress_bar.h"
#include "app/sandbox_commands.h"
#include "app/session.h"
#include "app/views.h"
#include "base/size_text.h"
#include "images/space.h"
#include "sandbox/snapshot.h"
#include "sandbox/templates.h"

namespace veneer {
namespace {

Result<int> PrintTemplates(const GlobalOptions& options, Session& session,
                           const std::vector<TemplateRecord>& records) {
  const Views views = VENEER_TRY(Views::Of(session.catalog(), session.layout()));
  if (options.style == OutputStyle::kText) {
    VENEER_TRY(Print(views.Table(records)));
    return 0;
  }
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const TemplateRecord& each : records) json.push_back(views.Json(each));
  VENEER_TRY(PrintJson(json));
  return 0;
}

Result<int> Remove(const GlobalOptions& options, Session& session, const TemplateRecord& record) {
  VENEER_TRY(Templates(session.host()).Remove(record.id));
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson(RemovedJson(record)));
  } else {
    VENEER_TRY(Print(fmt::format("removed {}\n", record.name)));
  }
  return 0;
}

// kUsage for what goes with a kernel only.
Result<std::optional<BootSource>> BootSourceOf(const TemplateImportArguments& arguments) {
  if (!arguments.kernel.empty()) {
    return std::optional(BootSource{
        .kernel = arguments.kernel, .initrd = arguments.initrd, .cmdline = arguments.cmdline});
  }
  if (arguments.initrd.empty() && arguments.cmdline.empty()) return std::optional<BootSource>();
  return Fail(ErrorKind::kUsage, "--initrd and --cmdline go with a kernel",
              "name it with --kernel");
}

}  // namespace

Result<int> PrintTemplate(const GlobalOptions& options, Session& session,
                          const TemplateRecord& record) {
  const Views views = VENEER_TRY(Views::Of(session.catalog(), session.layout()));
  VENEER_TRY(options.style == OutputStyle::kJson ? PrintJson(views.Json(record))
                                                 : Print(views.Text(record)));
  return 0;
}

Result<int> TemplateImport(const GlobalOptions& options, const TemplateImportArguments& arguments) {
  ImportRequest request{.name = arguments.name, .source = arguments.image};
  if (arguments.size) request.size = VENEER_TRY(ParseSize(*arguments.size));
  request.boot = VENEER_TRY(BootSourceOf(arguments));
  const SpaceReserve reserve = VENEER_TRY(ParseSpaceReserve(arguments.reserve));
  const auto session = VENEER_TRY(Session::OpenToChange(options, reserve));
  Result<TemplateRecord> record = [&] {
    ProgressBar bar("import", ProgressBar::ModeFor(options));
    request.progress = [&](Bytes done, Bytes all) { bar.Update(done, all); };
    return Templates(session->host()).Import(request);
  }();
  if (!record) return Fail(std::move(record).error());
  return PrintTemplate(options, *session, *record);
}

Result<int> TemplateList(const GlobalOptions& options) {
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return PrintNone(options);
  const auto templates = VENEER_TRY(session->catalog().Templates());
  return PrintTemplates(options, *session, templates);
}

Result<int> TemplateShow(const GlobalOptions& options, const std::string& reference) {
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return Fail(NoState(options));
  const TemplateRecord record = VENEER_TRY(session->catalog().Template(reference));
  return PrintTemplate(options, *session, record);
}

Result<int> TemplateRemove(const GlobalOptions& options, const std::string& reference) {
  const auto session = VENEER_TRY(Session::OpenToChange(options));
  const TemplateRecord record = VENEER_TRY(session->catalog().Template(reference));
  return Remove(options, *session, record);
}

Result<int> SnapshotCreate(const GlobalOptions& options, const SnapshotCreateArguments& arguments) {
  const SpaceReserve reserve = VENEER_TRY(ParseSpaceReserve(arguments.reserve));
  const auto session = VENEER_TRY(Session::OpenToChange(options, reserve));
  Result<Snapshot> snapshot = [&] {
    ProgressBar bar("snapshot", ProgressBar::ModeFor(options));
    return TakeSnapshot(session->host(), arguments.sandbox, arguments.name,
                        [&](Bytes done, Bytes all) { bar.Update(done, all); });
  }();
  if (!snapshot) return Fail(std::move(snapshot).error());
  const Views views = VENEER_TRY(Views::Of(session->catalog(), session->layout()));
  PrintWarnings(snapshot->warnings, options.style);
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson(views.Json(*snapshot)));
  } else {
    VENEER_TRY(
        Print(views.Text(snapshot->record) +
              RenderKeyValues({{"held", fmt::format("{:.1f} ms", snapshot->held.count())}})));
  }
  return 0;
}

Result<int> SnapshotList(const GlobalOptions& options) {
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return PrintNone(options);
  auto templates = VENEER_TRY(session->catalog().Templates());
  std::erase_if(templates, [](const auto& each) { return each.kind != TemplateKind::kSnapshot; });
  return PrintTemplates(options, *session, templates);
}

Result<int> SnapshotRemove(const GlobalOptions& options, const std::string& reference) {
  const auto session = VENEER_TRY(Session::OpenToChange(options));
  const TemplateRecord record = VENEER_TRY(session->catalog().Template(reference));
  if (record.kind != TemplateKind::kSnapshot) {
    return Fail(ErrorKind::kNotFound, fmt::format("{} is a template, not a snapshot", record.name),
                fmt::format("remove it with 'veneer template rm {}'", record.name));
  }
  return Remove(options, *session, record);
}

}  // namespace veneer
