#include "backend/user/collect.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "backend/run_directory.h"
#include "backend/user/disk_place.h"
#include "backend/user/leftovers.h"
#include "backend/user/messages.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

// The keys of all files below the directory: a killed server may have left any of them.
std::set<std::string> KeysIn(const std::string& directory) {
  std::set<std::string> keys;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string extension = entry.path().extension();
    if (extension == ".sock" || extension == ".json" || extension == ".log") {
      keys.insert(entry.path().stem());
    }
  }
  return keys;
}

std::string PathIn(const DiskFiles& files) {
  const Result<std::string> text = ReadText(files.Record());
  const Result<DiskRecord> record = text ? DecodeRecord(*text) : Fail(text.error());
  return record ? record->path : "";
}

// The mount of that disk, if it is still there.
Result<std::optional<MountEntry>> MountOf(const DiskFiles& files, const std::string& path,
                                          const HostPorts& ports) {
  if (path.empty()) return std::nullopt;
  auto mount = VENEER_TRY(ports.mounts.At(path));
  const bool ours = mount && mount->type == kFuseMountType && mount->source == files.Socket();
  if (!ours) mount.reset();
  return mount;
}

Result<void> RemoveDead(const DiskFiles& files, const std::string& path, const HostPorts& ports) {
  const auto mount = VENEER_TRY(MountOf(files, path, ports));
  if (mount) return RemoveDeadMount(*mount, ports);
  RemoveFiles(files, path);
  return {};
}

}  // namespace

Result<GcReport> CollectDeadDisks(const std::string& run_dir, const HostPorts& ports, GcMode mode) {
  GcReport report;
  const std::string directory = FilesOfDisk(run_dir, "").directory;
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) return report;
  const UniqueFd lock = VENEER_TRY(LockRunDirectory(directory));
  for (const std::string& key : KeysIn(directory)) {
    const DiskFiles files{.directory = directory, .key = key};
    const std::string path = PathIn(files);
    const auto server = ServerBehind(files);
    if (!server) continue;  // may not be asked: another user's
    if (*server) {
      report.adopted.push_back(path);
      continue;
    }
    const std::string object = fmt::format("disk {}", path.empty() ? key : path);
    const Result<void> removed =
        mode == GcMode::kLook ? Result<void>() : RemoveDead(files, path, ports);
    if (removed) {
      report.removed.push_back({.object = object, .reason = "its server was killed"});
    } else {
      report.kept.push_back({.object = object, .reason = removed.error().what});
    }
  }
  return report;
}

}  // namespace veneer
