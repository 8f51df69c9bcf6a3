// DetachDisk: asks the server of a disk to detach it, and waits for its end.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "backend/run_directory.h"
#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/disk_place.h"
#include "backend/user/leftovers.h"
#include "backend/user/messages.h"
#include "backend/user/server_client.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {
namespace {

constexpr int kEndMilliseconds = 30'000;

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

Result<void> AskToDetach(const FoundDisk& disk, const Connection& server) {
  // Taken before the question: the number cannot have gone to another process yet.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, server.peer_pid, 0)));
  const std::string answer = VENEER_TRY(Ask(disk, server, {.op = ControlOp::kDetach}));
  VENEER_TRY(DecodeDone(answer));
  if (process.valid()) VENEER_TRY(WaitForEnd(process, server.peer_pid));
  return {};
}

Result<void> RemoveDead(const FoundDisk& disk, const HostPorts& ports) {
  const Result<UniqueFd> lock = LockRunDirectory(disk.files.directory);
  // Without its run directory nobody else can be at work there.
  if (!lock && lock.error().kind != ErrorKind::kNotFound) return Fail(lock.error());
  if (disk.mount) return RemoveDeadMount(*disk.mount, ports);
  RemoveFiles(disk.files, disk.path);
  return {};
}

}  // namespace

Result<void> DetachDisk(const DiskName& name) {
  const FoundDisk disk = VENEER_TRY(FindDisk(name));
  const Result<Connection> server = ConnectTo(disk.files.Socket());
  if (server) return AskToDetach(disk, *server);
  if (server.error().kind != ErrorKind::kNotFound) return Fail(server.error());
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  return RemoveDead(disk, {.mounts = mounts, .loops = loops, .holders = holders});
}

}  // namespace veneer
