// DetachDisk: asks the server of a disk to detach it, and waits for its end.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/disk_place.h"
#include "backend/user/leftovers.h"
#include "backend/user/messages.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kAskPatience{10};
// The last flush writes what the host has in its cache.
constexpr std::chrono::minutes kFlushPatience{10};
constexpr int kEndMilliseconds = 30'000;

std::unexpected<Error> NoDisk(const std::string& path) {
  return Fail(ErrorKind::kNotFound, fmt::format("no disk is attached at {}", path),
              "name the path or the device that attach printed");
}

// The path of the disk that a loop device is on; any other path as it is.
Result<std::string> PathOf(const std::string& path, const LoopControl& loops) {
  if (!path.starts_with("/dev/loop")) return ResolveDiskPath(path);
  const Result<std::string> file = loops.BackingFile(path);
  if (!file) return NoDisk(path);
  return *file;
}

Result<void> WaitForEnd(const UniqueFd& process, pid_t pid) {
  pollfd poll{.fd = process.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&poll, 1, kEndMilliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready == 1) return {};
  return Fail(Error{ErrorKind::kFailed, ETIMEDOUT,
                    fmt::format("the server (pid {}) has detached the disk but does not end", pid),
                    "look what it waits for, or kill it: everything is flushed"});
}

Result<void> AskToDetach(const Connection& server) {
  // Taken before the question: the number cannot have gone to another process yet.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, server.peer_pid, 0)));
  VENEER_TRY(SendLine(server.fd, EncodeOp(ControlOp::kDetach), kAskPatience));
  const std::string answer = VENEER_TRY(ReceiveLine(server.fd, kFlushPatience));
  VENEER_TRY(DecodeDone(answer));
  if (process.valid()) VENEER_TRY(WaitForEnd(process, server.peer_pid));
  return {};
}

Result<void> RemoveDead(const MountEntry& mount, const DiskFiles& files, const HostPorts& ports) {
  const Result<UniqueFd> lock = LockDirectory(files);
  // Without its run directory nobody else can be at work there.
  if (!lock && lock.error().kind != ErrorKind::kNotFound) return Fail(lock.error());
  return RemoveDeadMount(mount, ports);
}

}  // namespace

Result<void> DetachDisk(const std::string& path) {
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  const std::string at = VENEER_TRY(PathOf(path, loops));
  const auto mount = VENEER_TRY(mounts.At(at));
  if (!mount || mount->type != kFuseMountType) return NoDisk(path);
  const auto files = FilesOfSocket(mount->source);
  if (!files) return NoDisk(path);
  const Result<Connection> server = ConnectTo(files->Socket());
  if (server) return AskToDetach(*server);
  if (server.error().kind != ErrorKind::kNotFound) return Fail(server.error());
  return RemoveDead(*mount, *files, {.mounts = mounts, .loops = loops, .holders = holders});
}

}  // namespace veneer
