#include "app/template_build.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "app/debian_root.h"
#include "app/interrupt_watch.h"
#include "app/progress_bar.h"
#include "app/session.h"
#include "app/template_scripts.h"
#include "app/views.h"
#include "base/size_text.h"
#include "catalog/ids.h"
#include "images/leftovers.h"
#include "sandbox/templates.h"

namespace veneer {

namespace fs = std::filesystem;

Result<int> TemplateBuild(const GlobalOptions& options, const TemplateBuildArguments& arguments) {
  VENEER_TRY(RequireName(arguments.name));
  const SpaceReserve reserve = VENEER_TRY(ParseSpaceReserve(arguments.reserve));
  ImportRequest request{.name = arguments.name, .size = VENEER_TRY(ParseSize(arguments.size))};
  if (::geteuid() != 0) {
    return Fail(ErrorKind::kUnsupported, "a root file system can be made by root only",
                "run it as root");
  }
  const auto session = VENEER_TRY(Session::OpenToChange(options, reserve));
  if (const auto taken = session->catalog().Template(arguments.name);
      taken && taken->name == arguments.name) {
    return Fail(ErrorKind::kConflict, fmt::format("a template {} exists", arguments.name),
                "choose another name, or remove that one first");
  }
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  // In the state directory: what a killed build leaves there is taken away by gc.
  const auto work = VENEER_TRY(ScratchDirectory::Make(session->layout().templates()));
  const DebianRoot root{.suite = arguments.suite.empty() ? OwnSuite() : arguments.suite,
                        .include = arguments.include,
                        .work = work.path(),
                        .target = fs::path(work.path()) / "root.tar"};
  Result<TemplateRecord> record = [&]() -> Result<TemplateRecord> {
    ProgressBar bar("build", ProgressBar::ModeFor(options));
    VENEER_TRY(MakeDebianRoot(root, *watch, [&](std::string_view what) { bar.Say(what); }));
    request.source = root.target;
    request.boot = BootSource{
        .kernel = root.kernel(), .initrd = root.initrd(), .cmdline = std::string(kDebianCmdline)};
    request.progress = [&](Bytes done, Bytes all) { bar.Update(done, all); };
    return Templates(session->host()).Import(request);
  }();
  if (!record) return Fail(std::move(record).error());
  return PrintTemplate(options, *session, *record);
}

}  // namespace veneer
