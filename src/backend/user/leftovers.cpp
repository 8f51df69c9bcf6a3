#include "backend/user/leftovers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <vector>

#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "backend/user/mount_point.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

// A server that has just unmounted its disk needs a moment to flush and to end.
constexpr std::chrono::seconds kEndingPatience{10};

// FUSE's own inode number of the root, which is the file.
constexpr ino_t kFileInode = 1;

bool AnswersNoMore(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  return !fd.valid() && (errno == ENOTCONN || errno == ECONNABORTED);
}

// A record that another user could have written proves nothing.
bool IsTrusted(const std::string& record) {
  struct stat status{};
  return ::lstat(record.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_uid == 0 || status.st_uid == ::geteuid());
}

std::unexpected<Error> AttachedAlready(const std::string& path, pid_t server) {
  return Fail(ErrorKind::kConflict,
              fmt::format("{} is attached already, served by pid {}", path, server),
              fmt::format("detach it first: veneer cow detach {}", path));
}

// A disk that is no mount shows in its record, which goes before its server does.
Result<void> RefuseServedByNbd(const std::string& path, const DiskFiles& files) {
  const Result<std::string> text = ReadText(files.Record());
  const Result<DiskRecord> record = text ? DecodeRecord(*text) : Fail(text.error());
  if (!record || record->export_kind != ExportKind::kNbd || record->path != path) return {};
  const std::optional<pid_t> server = VENEER_TRY(ServerBehind(files));
  if (server) return AttachedAlready(path, *server);
  return {};
}

Result<void> FreeLoops(const MountEntry& mount, const HostPorts& ports) {
  const FileIdentity file{.device = mount.device, .inode = kFileInode};
  const std::vector<LoopDevice> loops = VENEER_TRY(ports.loops.Find(file, mount.path));
  for (const LoopDevice& loop : loops) {
    const Result<void> freed = ports.loops.Detach(loop, OnWriteError::kGoOn);
    if (freed || freed.error().kind != ErrorKind::kConflict) {
      VENEER_TRY(freed);
      continue;
    }
    const auto holders = ports.holders.OfBlockDevice(loop.path, loop.device);
    return Fail(Error{ErrorKind::kConflict, EBUSY,
                      fmt::format("the server of {} is dead, but {} is {}", mount.path, loop.path,
                                  DescribeHolders(holders)),
                      "end or unmount what is named, then try again"});
  }
  return {};
}

}  // namespace

Result<std::optional<pid_t>> ServerBehind(const DiskFiles& files) {
  const Result<Connection> connection = ConnectTo(files.Socket());
  if (connection) return std::optional<pid_t>{connection->peer_pid};
  if (connection.error().kind == ErrorKind::kNotFound) return std::optional<pid_t>{};
  return Fail(connection.error());
}

Result<void> RemoveDeadMount(const MountEntry& mount, const HostPorts& ports) {
  if (!AnswersNoMore(mount.path)) {
    return Fail(ErrorKind::kConflict,
                fmt::format("{} is attached, but nobody listens at {}", mount.path, mount.source),
                fmt::format("unmount {}: its server ends then", mount.path));
  }
  VENEER_TRY(FreeLoops(mount, ports));
  VENEER_TRY(ports.mounts.Unmount(mount.path, UnmountMode::kLazy));
  const std::optional<DiskFiles> files = FilesOfSocket(mount.source);
  if (files) RemoveFiles(*files, mount.path);
  return {};
}

void RemovePlace(const DiskRecord& record) {
  struct stat status{};
  if (::lstat(record.path.c_str(), &status) != 0) return;
  const bool is_ours =
      record.export_kind == ExportKind::kNbd
          ? S_ISSOCK(status.st_mode)
          : record.mount_point == DiskRecord::MountPoint::kMade && IsUnusedMountPoint(status);
  if (is_ours) ::unlink(record.path.c_str());
}

void RemoveFiles(const DiskFiles& files, const std::string& path) {
  struct stat status{};
  const bool recorded = ::lstat(files.Record().c_str(), &status) == 0;
  if (recorded && !IsTrusted(files.Record())) return;
  const Result<std::string> text = ReadText(files.Record());
  const Result<DiskRecord> record = text ? DecodeRecord(*text) : Fail(text.error());
  if (record && record->path == path) RemovePlace(*record);
  ::unlink(files.Record().c_str());
  ::unlink(files.Log().c_str());
  // Last: as long as it is there, the place is taken.
  ::unlink(files.Socket().c_str());
}

Result<void> ClearPlace(const std::string& path, const DiskFiles& files, const HostPorts& ports) {
  const std::optional<MountEntry> mount = VENEER_TRY(ports.mounts.At(path));
  const std::optional<DiskFiles> theirs =
      mount && mount->type == kFuseMountType ? FilesOfSocket(mount->source) : std::nullopt;
  if (mount && !theirs) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is a mount point already", path),
                "choose another path");
  }
  if (mount) {
    const std::optional<pid_t> server = VENEER_TRY(ServerBehind(*theirs));
    if (server) return AttachedAlready(path, *server);
    VENEER_TRY(RemoveDeadMount(*mount, ports));
  }
  VENEER_TRY(RefuseServedByNbd(path, files));
  const bool nobody = WaitUntil(kEndingPatience, [&] {
    const auto server = ServerBehind(files);
    return server && !*server;
  });
  if (!nobody) {
    return Fail(ErrorKind::kConflict, fmt::format("a server is at work for {}", path),
                "wait until it has ended");
  }
  RemoveFiles(files, path);
  return {};
}

}  // namespace veneer
