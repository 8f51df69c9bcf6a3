// ServeDisk: the life of a disk's server process.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <utility>

#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/disk_server.h"
#include "backend/user/messages.h"
#include "backend/user/server_log.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {
namespace {

// Whoever connects has its line ready; one who has not must not keep the others waiting.
constexpr std::chrono::seconds kClientPatience{1};

// For threads that are started later, too. All best effort: it works without.
void PrepareProcess() {
  ::prctl(PR_SET_NAME, "veneer", 0, 0, 0);  // it was started as /proc/self/exe
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  // The kernel writes dirty pages through this process: reclaiming memory must not wait for it.
  ::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  // Killing it would cost a sandbox its disk, and free next to nothing.
  const UniqueFd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  constexpr std::string_view kAlmostNever = "-900";
  [[maybe_unused]] const ssize_t n =
      fd.valid() ? ::write(fd.get(), kAlmostNever.data(), kAlmostNever.size()) : 0;
}

// The signals that ask for a detach, as something to poll.
Result<UniqueFd> TakeSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return FailErrno(errno, "make a signalfd");
  return fd;
}

void OnSignal(DiskServer& server, const UniqueFd& signals) {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) > 0) {
  }
  const Result<void> detached = server.Detach();
  if (!detached) Log(fmt::format("{} ({})", detached.error().what, detached.error().hint));
}

bool HasHungUp(const UniqueFd& client) {
  pollfd poll{.fd = client.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&poll, 1, 0) > 0;
}

std::string Answer(DiskServer& server, const ControlRequest& request, const UniqueFd& client) {
  switch (request.op) {
    case ControlOp::kDetach:
      return EncodeDone(server.Detach());
    case ControlOp::kStatus:
      return EncodeStatus(server.record(), server.counters());
    case ControlOp::kFill:
      return EncodeFill(server.Fill());
    case ControlOp::kGrow:
      return EncodeFill(server.Grow(request.max_change));
    case ControlOp::kClone:
      return EncodeClone(server.CloneStore(request.clone, [&] { return !HasHungUp(client); }));
  }
  return EncodeDone(Fail(ErrorKind::kUsage, "the operation is not known"));
}

void OnClient(DiskServer& server) {
  const Result<Connection> client = AcceptFrom(server.control());
  const Result<std::string> line =
      client ? ReceiveLine(client->fd, kClientPatience) : Fail(client.error());
  if (!line) return;  // it only looked whether somebody is here, or may not ask
  const Result<ControlRequest> request = DecodeRequest(*line);
  std::string answer =
      request ? Answer(server, *request, client->fd) : EncodeDone(Fail(request.error()));
  SendLine(client->fd, std::move(answer), kClientPatience).Ignore("who asked is gone");
}

// Until the disk is detached.
void Serve(DiskServer& server, const UniqueFd& signals) {
  while (server.attached()) {
    std::array<pollfd, 3> polls{
        pollfd{.fd = server.unmounted().get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = signals.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = server.control().get(), .events = POLLIN, .revents = 0}};
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;  // EINTR
    if (polls[0].revents != 0) {
      server.Finish().Ignore("it is logged");
    } else if (polls[1].revents != 0) {
      OnSignal(server, signals);
    } else if (polls[2].revents != 0) {
      OnClient(server);
    }
  }
}

// Closes `ready` once the disk is attached; leaves it open where that fails.
Result<void> Run(const AttachRequest& request, UniqueFd& ready) {
  PrepareProcess();
  const UniqueFd signals = VENEER_TRY(TakeSignals());
  const auto isolated = VENEER_TRY(IsolatedThread::Start());
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  const HostPorts ports{.mounts = mounts, .loops = loops, .holders = holders};
  const auto server = VENEER_TRY(DiskServer::Start(request, *isolated, ports));
  VENEER_TRY(SendLine(ready, EncodeAttached(server->attachment()), kClientPatience));
  ready.Close();
  Serve(*server, signals);
  return {};
}

}  // namespace

int ServeDisk(const AttachRequest& request, UniqueFd ready) {
  const Result<void> served = Run(request, ready);
  if (served) return 0;
  // Only a failure to start gets here; after that errors are answers, or are logged.
  SendLine(ready, EncodeAttached(Fail(served.error())), kClientPatience)
      .Ignore("nobody waits any more");
  // It closes with the process: whoever waits for that knows then that nothing is left.
  [[maybe_unused]] const int until_exit = ready.Release();
  return ExitStatus(served.error().kind);
}

}  // namespace veneer
