#include "backend/user/server_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "export/fuse/fuse_export.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kAskPatience{10};
// The last flush writes what the host has in its cache.
constexpr std::chrono::minutes kAnswerPatience{10};
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
    error.what = fmt::format("the server of {} (pid {}) hung up without an answer", disk.mount.path,
                             server.peer_pid);
    error.hint = "it is busy: try again";
    return error;
  }
  error.what = fmt::format("the server of {} (pid {}) died before it answered", disk.mount.path,
                           server.peer_pid);
  error.hint = fmt::format(
      "to clean up, run again: veneer cow detach {}; what was flushed is in "
      "the store",
      disk.mount.path);
  return error;
}

}  // namespace

Result<FoundDisk> FindDisk(const std::string& path) {
  const std::string at = VENEER_TRY(PathOf(path));
  auto mount = VENEER_TRY(LinuxMounts().At(at));
  if (!mount || mount->type != kFuseMountType) return NoDisk(path);
  auto files = FilesOfSocket(mount->source);
  if (!files) return NoDisk(path);
  return FoundDisk{.mount = *std::move(mount), .files = *std::move(files)};
}

Result<Connection> ServerOf(const FoundDisk& disk) {
  Result<Connection> server = ConnectTo(disk.files.Socket());
  if (server || server.error().kind != ErrorKind::kNotFound) return server;
  return Fail(ErrorKind::kFailed, fmt::format("the server of {} is dead", disk.mount.path),
              fmt::format("clean up with 'veneer cow detach {}', then attach the store again",
                          disk.mount.path));
}

Result<std::string> Ask(const FoundDisk& disk, const Connection& server,
                        const ControlRequest& request) {
  // Taken before the question: the number cannot have gone to another process yet.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, server.peer_pid, 0)));
  const Result<void> sent = SendLine(server.fd, EncodeRequest(request), kAskPatience);
  if (!sent) return Fail(Explain(sent.error(), disk, server, process));
  Result<std::string> answer = ReceiveLine(server.fd, kAnswerPatience);
  if (!answer) return Fail(Explain(answer.error(), disk, server, process));
  return answer;
}

}  // namespace veneer
