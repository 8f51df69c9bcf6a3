#include "app/doctor/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "app/doctor/host_check.h"
#include "app/output.h"

namespace veneer {
namespace {

std::vector<HostCheck> LookAtEverything(const std::string& root) {
  return {CheckTarget("snapshot"),
          CheckTarget("linear"),
          CheckTarget("zero"),
          CheckLoop(),
          CheckFuse(),
          CheckReflink(root),
          CheckFreeSpace(root),
          CheckDiskMemory(),
          CheckUdev(),
          CheckKvm(root),
          CheckProgram("nbdkit", "nbdkit", "serves disks by NBD"),
          CheckProgram("qemu-img", "qemu-utils", "imports qcow2 images"),
          CheckProgram("mkfs.ext4", "e2fsprogs", "makes images of directory trees")};
}

bool AllOk(const std::vector<HostCheck>& checks, std::initializer_list<std::string_view> names) {
  return std::ranges::all_of(names, [&](std::string_view name) {
    return std::ranges::any_of(
        checks, [&](const HostCheck& check) { return check.name == name && check.ok; });
  });
}

struct Backends {
  bool dm = false;
  bool user = false;
  [[nodiscard]] bool any() const { return dm || user; }
};

std::string RenderChecks(const std::vector<HostCheck>& checks, const Backends& backends) {
  std::string text;
  for (const HostCheck& check : checks) {
    text +=
        fmt::format("{:4} {:16} {}\n", check.ok ? "ok" : "no", check.name, OneLine(check.detail));
    if (!check.hint.empty()) text += fmt::format("{:21} {}\n", "", check.hint);
  }
  text += fmt::format("\nbackend dm (the kernel's snapshots): {}\n",
                      backends.dm ? "works here" : "does not work here");
  text +=
      fmt::format("backend user (FUSE): {}\n", backends.user ? "works here" : "does not work here");
  return text;
}

nlohmann::ordered_json ChecksJson(const std::vector<HostCheck>& checks, const Backends& backends) {
  nlohmann::ordered_json json;
  json["ok"] = backends.any();
  json["backends"] = {{"dm", backends.dm}, {"user", backends.user}};
  json["checks"] = nlohmann::ordered_json::array();
  for (const HostCheck& check : checks) {
    json["checks"].push_back(
        {{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}, {"hint", check.hint}});
  }
  return json;
}

}  // namespace

Result<int> RunDoctor(const GlobalOptions& options) {
  const std::vector<HostCheck> checks = LookAtEverything(options.root);
  const Backends backends{
      .dm = AllOk(checks, {"snapshot_target", "linear_target", "zero_target", "loop"}),
      .user = AllOk(checks, {"fuse"})};
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson(ChecksJson(checks, backends)));
  } else {
    VENEER_TRY(Print(RenderChecks(checks, backends)));
  }
  return backends.any() ? 0 : ExitStatus(ErrorKind::kUnsupported);
}

}  // namespace veneer
