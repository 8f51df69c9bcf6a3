#include "backend/user/collect.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "backend/run_directory.h"
#include "backend/user/disk_list.h"
#include "backend/user/disk_place.h"
#include "backend/user/leftovers.h"
#include "backend/user/record_file.h"

namespace veneer {
namespace {

// The mount of that disk, if it is still there.
Result<std::optional<MountEntry>> MountOf(const DiskFiles& files, const std::string& path,
                                          const HostPorts& ports) {
  if (path.empty()) return std::nullopt;
  auto mount = VENEER_TRY(ports.mounts.At(path));
  if (mount && !IsMountOf(*mount, files)) mount.reset();
  return mount;
}

Result<void> RemoveDead(const DiskFiles& files, const std::string& path, const HostPorts& ports) {
  const auto mount = VENEER_TRY(MountOf(files, path, ports));
  if (mount) return RemoveDeadMount(*mount, ports);
  RemoveFiles(files, path);
  return {};
}

// Those of another user, which may not be read or asked, are none of ours.
void CollectDisk(const DiskFiles& files, const HostPorts& ports, GcMode mode, GcReport& report) {
  const auto filed = ReadRecord(files);
  const auto server = ServerBehind(files);
  if (!filed || !server) return;
  const std::string path = *filed ? (*filed)->record.path : "";
  if (*server) {
    report.adopted.push_back(path);
    return;
  }
  const std::string object = fmt::format("disk {}", path.empty() ? files.key : path);
  const Result<void> removed =
      mode == GcMode::kLook ? Result<void>() : RemoveDead(files, path, ports);
  if (removed) {
    report.removed.push_back({.object = object, .reason = "its server was killed"});
  } else {
    report.kept.push_back({.object = object, .reason = removed.error().what});
  }
}

}  // namespace

Result<GcReport> CollectDeadDisks(const std::string& run_dir, const HostPorts& ports, GcMode mode) {
  GcReport report;
  const std::string directory = FilesOfDisk(run_dir, "").directory;
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) return report;
  const UniqueFd lock = VENEER_TRY(LockRunDirectory(directory));
  for (const DiskFiles& files : VENEER_TRY(DisksIn(run_dir))) {
    CollectDisk(files, ports, mode, report);
  }
  return report;
}

}  // namespace veneer
