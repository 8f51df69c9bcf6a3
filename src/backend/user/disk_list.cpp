#include "backend/user/disk_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "backend/user/leftovers.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/read_text.h"
#include "kernel/nbd_address.h"

namespace veneer {

std::vector<DiskFiles> DisksIn(const std::string& run_dir) {
  const std::string directory = FilesOfDisk(run_dir, "").directory;
  std::set<std::string> keys;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string extension = entry.path().extension();
    if (extension == ".sock" || extension == ".json" || extension == ".log") {
      keys.insert(entry.path().stem());
    }
  }
  std::vector<DiskFiles> disks;
  disks.reserve(keys.size());
  for (const std::string& key : keys) disks.push_back({.directory = directory, .key = key});
  return disks;
}

std::optional<DiskRecord> RecordOf(const DiskFiles& files) {
  const Result<std::string> text = ReadText(files.Record());
  Result<DiskRecord> record = text ? DecodeRecord(*text) : Fail(text.error());
  if (!record) return std::nullopt;
  return *std::move(record);
}

bool IsMountOf(const MountEntry& mount, const DiskFiles& files) {
  return mount.type == kFuseMountType && mount.source == files.Socket();
}

namespace {

bool IsShown(const DiskRecord& record, const DiskFiles& files,
             const std::vector<MountEntry>& table) {
  if (record.export_kind == ExportKind::kNbd) {
    struct stat status{};
    return ::lstat(record.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
  }
  const MountEntry* const mount = MountAt(table, record.path);
  return mount != nullptr && IsMountOf(*mount, files);
}

}  // namespace

Result<std::vector<std::string>> AttachedDisks(const std::string& run_dir, const Mounts& mounts) {
  const std::vector<DiskFiles> disks = DisksIn(run_dir);
  std::vector<std::string> paths;
  if (disks.empty()) return paths;
  const std::vector<MountEntry> table = VENEER_TRY(mounts.List());
  for (const DiskFiles& files : disks) {
    const std::optional<DiskRecord> record = RecordOf(files);
    if (!record || !IsShown(*record, files, table)) continue;
    const auto server = ServerBehind(files);
    if (!server || !*server) continue;  // an error: another user's
    paths.push_back(record->export_kind == ExportKind::kNbd ? NbdUri(record->path) : record->path);
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace veneer
