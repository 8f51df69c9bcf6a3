#include "app/template_build.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "app/apt_sources.h"
#include "app/interrupt_watch.h"
#include "app/program.h"
#include "app/progress_bar.h"
#include "app/session.h"
#include "app/template_scripts.h"
#include "app/views.h"
#include "app/work_directory.h"
#include "base/size_text.h"
#include "catalog/ids.h"
#include "kernel/linux/read_text.h"
#include "sandbox/templates.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

// For the guest: its agent, what makes the initrd, modules, and an address.
constexpr std::string_view kPackages = "qemu-guest-agent,busybox-static,kmod,iproute2";

Result<void> WriteScript(const fs::path& path, std::string_view text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) return Fail(ErrorKind::kFailed, fmt::format("write {}", path.string()));
  std::error_code error;
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) return FailErrno(error.value(), path.string());
  return {};
}

Result<void> WriteScripts(const fs::path& work) {
  VENEER_TRY(WriteScript(work / "hook", TemplateHook()));
  VENEER_TRY(WriteScript(work / "veneer-init", GuestInit()));
  return WriteScript(work / "make-initrd", InitrdMaker());
}

// The root file system as a tar; kernel and initrd beside it.
Result<void> Bootstrap(const TemplateBuildArguments& arguments, const std::string& suite,
                       const fs::path& work, const InterruptWatch& watch) {
  const std::vector<std::string> sources = FindAptSources(suite);
  if (suite.empty() || sources.empty()) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("this machine has no APT sources of the Debian release '{}'", suite),
                "name one that it has with --suite, or import an image: veneer template import");
  }
  VENEER_TRY(WriteScripts(work));
  std::string packages(kPackages);
  for (const std::string& each : arguments.include) packages += "," + each;
  std::vector<std::string> argv = {
      "mmdebstrap",
      "--quiet",
      "--variant=minbase",
      "--aptopt=Acquire::Retries \"5\"",
      "--include=" + packages,
      fmt::format("--customize-hook={} \"$1\" {}", (work / "hook").string(), work.string()),
      suite,
      work / "root.tar"};
  argv.insert(argv.end(), sources.begin(), sources.end());
  VENEER_TRY(RunOrFail(argv, watch));
  return {};
}

}  // namespace

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
  const WorkDirectory work = VENEER_TRY(WorkDirectory::Make(std::nullopt));
  const std::string suite = arguments.suite.empty()
                                ? DebianCodename(ReadText("/etc/os-release").value_or(""))
                                : arguments.suite;
  Result<TemplateRecord> record = [&]() -> Result<TemplateRecord> {
    ProgressBar bar("build", ProgressBar::ModeFor(options));
    bar.Update(Bytes(0), *request.size);
    VENEER_TRY(Bootstrap(arguments, suite, work.run(), *watch));
    request.source = work.run() / "root.tar";
    request.boot = BootSource{.kernel = work.run() / "kernel",
                              .initrd = work.run() / "initrd",
                              .cmdline = std::string(kDebianCmdline)};
    request.progress = [&](Bytes done, Bytes all) { bar.Update(done, all); };
    return Templates(session->host()).Import(request);
  }();
  if (!record) return Fail(std::move(record).error());
  return PrintTemplate(options, *session, *record);
}

}  // namespace veneer
