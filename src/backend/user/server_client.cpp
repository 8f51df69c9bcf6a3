#include "backend/user/server_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "backend/user/record_file.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/nbd_address.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kAskPatience{10};
// From the end of a process's connections to its own.
constexpr int kDyingMilliseconds = 3000;

std::unexpected<Error> NoDisk(const std::string& path) {
  return Fail(ErrorKind::kNotFound, fmt::format("no disk is attached at {}", path),
              "name the path or the device that attach printed");
}

// The path of the disk that a loop device is on; any other path as it is.
Result<std::string> PathOf(const std::string& path) {
  if (!path.starts_with("/dev/loop")) return ResolveDiskPath(path);
  const Result<std::string> file = LinuxLoopControl().BackingFile(path);
  if (!file) return NoDisk(path);
  return *file;
}

// The socket of a disk by NBD, named by its URI or by itself; nothing for any other path.
Result<std::optional<std::string>> SocketOf(const std::string& path) {
  const auto socket = SocketInUri(path);
  struct stat status{};
  const bool is_socket = ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
  if (!socket && !is_socket) return std::optional<std::string>{};
  const auto resolved = ResolveSocketPath(socket.value_or(path));
  if (!resolved) return Fail(resolved.error());
  return std::optional(*resolved);
}

Result<FoundDisk> FindByNbd(const std::string& socket, const DiskName& name) {
  std::error_code error;
  const std::string run_dir = std::filesystem::absolute(name.run_dir, error);
  if (error) return FailErrno(error.value(), name.run_dir);
  DiskFiles files = FilesOfDisk(run_dir, socket);
  const std::optional<FiledRecord> filed = VENEER_TRY(ReadRecord(files));
  const bool is_it =
      filed && filed->record.export_kind == ExportKind::kNbd && filed->record.path == socket;
  if (!is_it) return NoDisk(name.path);
  return FoundDisk{.path = socket, .files = std::move(files), .mount = std::nullopt};
}

bool EndsSoon(const UniqueFd& process) {
  pollfd poll{.fd = process.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&poll, 1, kDyingMilliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

// The connection ended before its answer: the server has died, or did not want to hear.
Error Explain(Error error, const FoundDisk& disk, const Connection& server,
              const UniqueFd& process) {
  if (error.os_errno != EPIPE && error.os_errno != ECONNRESET) return error;
  if (process.valid() && !EndsSoon(process)) {
    error.what = fmt::format("the server of {} (pid {}) hung up without an answer", disk.path,
                             server.peer_pid);
    error.hint = "it is busy: try again";
    return error;
  }
  error.what =
      fmt::format("the server of {} (pid {}) died before it answered", disk.path, server.peer_pid);
  error.hint = fmt::format(
      "to clean up, run again: veneer cow detach {}; what was flushed is in "
      "the store",
      disk.path);
  return error;
}

}  // namespace

Result<FoundDisk> FindDisk(const DiskName& name) {
  const auto socket = VENEER_TRY(SocketOf(name.path));
  if (socket) return FindByNbd(*socket, name);
  const std::string at = VENEER_TRY(PathOf(name.path));
  auto mount = VENEER_TRY(LinuxMounts().At(at));
  if (!mount || mount->type != kFuseMountType) return NoDisk(name.path);
  auto files = FilesOfSocket(mount->source);
  if (!files) return NoDisk(name.path);
  return FoundDisk{.path = at, .files = *std::move(files), .mount = std::move(mount)};
}

Result<FoundDisk> FindServedDisk(const DiskName& name) {
  std::string path = SocketInUri(name.path).value_or(name.path);
  DiskFiles files = FilesOfDisk(name.run_dir, path);
  const auto filed = ReadRecord(files);
  const bool is_it = filed && *filed && (*filed)->held && (*filed)->record.path == path;
  if (!is_it) return FindDisk(name);
  return FoundDisk{.path = std::move(path), .files = std::move(files), .mount = std::nullopt};
}

Result<Connection> ServerOf(const FoundDisk& disk) {
  Result<Connection> server = ConnectTo(disk.files.Socket());
  if (server || server.error().kind != ErrorKind::kNotFound) return server;
  return Fail(
      ErrorKind::kFailed, fmt::format("the server of {} is dead", disk.path),
      fmt::format("clean up with 'veneer cow detach {}', then attach the store again", disk.path));
}

Result<std::string> Ask(const FoundDisk& disk, const Connection& server,
                        const ControlRequest& request, std::chrono::milliseconds patience) {
  // Taken before the question: the number cannot have gone to another process yet.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, server.peer_pid, 0)));
  const Result<void> sent = SendLine(server.fd, EncodeRequest(request), kAskPatience);
  if (!sent) return Fail(Explain(sent.error(), disk, server, process));
  Result<std::string> answer = ReceiveLine(server.fd, patience);
  if (!answer) return Fail(Explain(answer.error(), disk, server, process));
  return answer;
}

}  // namespace veneer
