#include "backend/user/nbd_process.h"

#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>

#include "backend/user/nbd_server.h"
#include "backend/user/nbd_start.h"
#include "backend/user/serve_loop.h"
#include "export/nbd/hang_up.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {

struct NbdProcess::Parts {
  LinuxMounts mounts;
  LinuxLoopControl loops;
  LinuxHolders holders{loops};
  UniqueFd ready;
  UniqueFd signals;
  std::unique_ptr<NbdServer> server;
  std::thread thread;
};

NbdProcess::NbdProcess(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

NbdProcess::~NbdProcess() {
  // nbdkit gave up between start and service; the thread ends with the process.
  if (parts_->thread.joinable()) parts_->thread.detach();
}

Result<std::unique_ptr<NbdProcess>> NbdProcess::Start(const AttachRequest& request,
                                                      UniqueFd ready) {
  auto parts = std::make_unique<Parts>();
  parts->ready = std::move(ready);
  const HostPorts ports{.mounts = parts->mounts, .loops = parts->loops, .holders = parts->holders};
  auto server = NbdServer::Start(request, ports, kNbdSocket);
  if (!server) {
    TellReady(parts->ready, Fail(server.error())).Ignore("nobody waits any more");
    // It closes with the process: whoever waits for that knows then that nothing is left.
    [[maybe_unused]] const int until_exit = parts->ready.Release();
    return Fail(std::move(server).error());
  }
  parts->server = *std::move(server);
  return std::unique_ptr<NbdProcess>(new NbdProcess(std::move(parts)));
}

Result<void> NbdProcess::Serve() {
  Parts& parts = *parts_;
  PrepareServerProcess("veneer-nbd");
  ::signal(SIGQUIT, SIG_DFL);  // nbdkit's end would leave the control socket behind
  SurviveHangUps();
  parts.signals = VENEER_TRY(TakeSignals());
  ServeThroughNbdkit(&parts.server->served());
  VENEER_TRY(TellReady(parts.ready, parts.server->attachment()));
  parts.ready.Close();
  parts.thread = std::thread([&parts] {
    ServeUntilDetached(*parts.server, parts.signals);
    // nbdkit would wait for clients that have connected and never ask for the disk. All is flushed
    // and taken away.
    ::_exit(0);
  });
  return {};
}

}  // namespace veneer
