// ServeDisk: the server process of a disk that is shown as a file.
#include <utility>

#include "backend/user/attachment.h"
#include "backend/user/disk_server.h"
#include "backend/user/serve_loop.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {
namespace {

// Closes `ready` once the disk is attached; leaves it open where that fails.
Result<void> Run(const AttachRequest& request, UniqueFd& ready) {
  PrepareServerProcess("veneer");  // it was started as /proc/self/exe
  const UniqueFd signals = VENEER_TRY(TakeSignals());
  const auto isolated = VENEER_TRY(IsolatedThread::Start());
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  const HostPorts ports{.mounts = mounts, .loops = loops, .holders = holders};
  const auto server = VENEER_TRY(DiskServer::Start(request, *isolated, ports));
  VENEER_TRY(TellReady(ready, server->attachment()));
  ready.Close();
  ServeUntilDetached(*server, signals);
  return {};
}

}  // namespace

int ServeDisk(const AttachRequest& request, UniqueFd ready) {
  const Result<void> served = Run(request, ready);
  if (served) return 0;
  // Only a failure to start gets here; after that errors are answers, or are logged.
  TellReady(ready, Fail(served.error())).Ignore("nobody waits any more");
  // It closes with the process: whoever waits for that knows then that nothing is left.
  [[maybe_unused]] const int until_exit = ready.Release();
  return ExitStatus(served.error().kind);
}

}  // namespace veneer
