#include "backend/user/disk_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "backend/user/leftovers.h"
#include "backend/user/record_file.h"
#include "export/fuse/fuse_export.h"
#include "kernel/nbd_address.h"

namespace veneer {

Result<std::vector<DiskFiles>> DisksIn(const std::string& run_dir) {
  const std::string directory = FilesOfDisk(run_dir, "").directory;
  std::set<std::string> keys;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string extension = entry->path().extension();
    if (extension == ".sock" || extension == ".json" || extension == ".log") {
      keys.insert(entry->path().stem());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return FailErrno(error.value(), fmt::format("list {}", directory));
  }
  std::vector<DiskFiles> disks;
  disks.reserve(keys.size());
  for (const std::string& key : keys) disks.push_back({.directory = directory, .key = key});
  return disks;
}

bool IsMountOf(const MountEntry& mount, const DiskFiles& files) {
  return mount.type == kFuseMountType && mount.source == files.Socket();
}

namespace {

bool IsOfAnotherUser(const Error& error) {
  return error.os_errno == EACCES || error.os_errno == EPERM;
}

Result<bool> IsSocket(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0) return S_ISSOCK(status.st_mode);
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return FailErrno(errno, fmt::format("look at {}", path));
}

Result<bool> IsShown(const DiskRecord& record, const DiskFiles& files, const MountEntry* mount) {
  if (record.export_kind == ExportKind::kNbd) return IsSocket(record.path);
  return mount != nullptr && IsMountOf(*mount, files);
}

Result<bool> IsServed(const FiledRecord& filed, const DiskFiles& files) {
  if (filed.held) return true;
  const auto server = ServerBehind(files);
  if (!server && IsOfAnotherUser(server.error())) return false;
  return VENEER_TRY(server).has_value();
}

// `mount`: what is seen at the record's path.
Result<bool> IsDisk(const FiledRecord& filed, const DiskFiles& files, const MountEntry* mount) {
  return VENEER_TRY(IsShown(filed.record, files, mount)) && VENEER_TRY(IsServed(filed, files));
}

// Those of other users count as none.
Result<std::optional<FiledRecord>> OwnRecord(const DiskFiles& files) {
  auto filed = ReadRecord(files);
  if (!filed && IsOfAnotherUser(filed.error())) return std::nullopt;
  return filed;
}

std::string AttachedAs(const DiskRecord& record) {
  return record.export_kind == ExportKind::kNbd ? NbdUri(record.path) : record.path;
}

// The mounts at each path, in the order of the table.
using MountsByPath = std::unordered_map<std::string, std::vector<MountEntry>>;

MountsByPath ByPath(std::vector<MountEntry> table) {
  MountsByPath mounts;
  for (MountEntry& entry : table) mounts[entry.path].push_back(std::move(entry));
  return mounts;
}

const MountEntry* MountIn(const MountsByPath& mounts, const std::string& path) {
  const auto found = mounts.find(path);
  return found == mounts.end() ? nullptr : MountAt(found->second, path);
}

}  // namespace

Result<std::vector<std::string>> AttachedDisks(const std::string& run_dir, const Mounts& mounts) {
  const std::vector<DiskFiles> disks = VENEER_TRY(DisksIn(run_dir));
  std::vector<std::string> paths;
  if (disks.empty()) return paths;
  const MountsByPath by_path = ByPath(VENEER_TRY(mounts.List()));
  for (const DiskFiles& files : disks) {
    const std::optional<FiledRecord> filed = VENEER_TRY(OwnRecord(files));
    if (!filed) continue;
    const MountEntry* const mount = MountIn(by_path, filed->record.path);
    if (VENEER_TRY(IsDisk(*filed, files, mount))) paths.push_back(AttachedAs(filed->record));
  }
  std::ranges::sort(paths);
  return paths;
}

Result<bool> IsDiskAttached(const std::string& run_dir, const std::string& path,
                            const Mounts& mounts) {
  const DiskFiles files = FilesOfDisk(run_dir, SocketInUri(path).value_or(path));
  const std::optional<FiledRecord> filed = VENEER_TRY(OwnRecord(files));
  if (!filed || AttachedAs(filed->record) != path) return false;
  const auto mount = VENEER_TRY(mounts.At(filed->record.path));
  return IsDisk(*filed, files, mount ? &*mount : nullptr);
}

}  // namespace veneer
