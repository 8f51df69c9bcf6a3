#include "app/debian_root.h"

#include <fmt/format.h>

#include <fstream>
#include <string_view>
#include <system_error>

#include "app/apt_sources.h"
#include "app/template_scripts.h"
#include "kernel/linux/read_text.h"

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

// In a space of processes and mounts of their own, whose first one dies with us: so do the others,
// and nothing stays mounted.
std::vector<std::string> InASpaceOfItsOwn(const fs::path& work) {
  return {"setpriv", "--pdeathsig",  "KILL",         "unshare", "--pid",
          "--fork",  "--kill-child", "--mount-proc", "env",     "TMPDIR=" + work.string()};
}

// "I: downloading packages with apt..."
std::string_view Doing(std::string_view line) {
  if (line.starts_with("I: ")) line.remove_prefix(3);
  return line.substr(0, line.find("..."));
}

}  // namespace

std::string OwnSuite() { return DebianCodename(ReadText("/etc/os-release").value_or("")); }

Result<void> MakeDebianRoot(const DebianRoot& root, const InterruptWatch& watch,
                            const HearLine& hear) {
  const std::vector<std::string> sources = FindAptSources(root.suite);
  if (root.suite.empty() || sources.empty()) {
    return Fail(
        ErrorKind::kUnsupported,
        fmt::format("this machine has no APT sources of the Debian release '{}'", root.suite),
        "name one that it has with --suite, or import an image: veneer template import");
  }
  VENEER_TRY(FindProgram("mmdebstrap"));
  VENEER_TRY(WriteScripts(root.work));
  std::string packages(kPackages);
  for (const std::string& each : root.include) packages += "," + each;
  std::vector<std::string> argv = InASpaceOfItsOwn(root.work);
  argv.insert(argv.end(), {"mmdebstrap", "--variant=minbase", "--aptopt=Acquire::Retries \"5\"",
                           "--include=" + packages,
                           fmt::format("--customize-hook={} \"$1\" {}",
                                       (root.work / "hook").string(), root.work.string()),
                           root.suite, root.target.string()});
  argv.insert(argv.end(), sources.begin(), sources.end());
  VENEER_TRY(RunOrFail(argv, watch, [&](std::string_view line) {
    if (hear) hear(Doing(line));
  }));
  return {};
}

}  // namespace veneer
