#include "backend/user/disk_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "backend/user/leftovers.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/read_text.h"
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

Result<std::optional<DiskRecord>> RecordOf(const DiskFiles& files) {
  const Result<std::string> text = ReadText(files.Record());
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return Fail(text.error());
  Result<DiskRecord> record = DecodeRecord(*text);
  if (!record) return std::nullopt;
  return *std::move(record);
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

Result<bool> IsShown(const DiskRecord& record, const DiskFiles& files,
                     const std::vector<MountEntry>& table) {
  if (record.export_kind == ExportKind::kNbd) return IsSocket(record.path);
  const MountEntry* const mount = MountAt(table, record.path);
  return mount != nullptr && IsMountOf(*mount, files);
}

}  // namespace

Result<std::vector<std::string>> AttachedDisks(const std::string& run_dir, const Mounts& mounts) {
  const std::vector<DiskFiles> disks = VENEER_TRY(DisksIn(run_dir));
  std::vector<std::string> paths;
  if (disks.empty()) return paths;
  const std::vector<MountEntry> table = VENEER_TRY(mounts.List());
  for (const DiskFiles& files : disks) {
    const auto read = RecordOf(files);
    if (!read && IsOfAnotherUser(read.error())) continue;
    const std::optional<DiskRecord> record = VENEER_TRY(read);
    const bool shown = record && VENEER_TRY(IsShown(*record, files, table));
    if (!shown) continue;
    const auto server = ServerBehind(files);
    if (!server && !IsOfAnotherUser(server.error())) return Fail(server.error());
    if (!server || !*server) continue;
    paths.push_back(record->export_kind == ExportKind::kNbd ? NbdUri(record->path) : record->path);
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace veneer
