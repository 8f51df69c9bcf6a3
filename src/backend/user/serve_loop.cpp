#include "backend/user/serve_loop.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <utility>

#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "backend/user/server_log.h"

namespace veneer {
namespace {

// Whoever connects has its line ready; one who has not must not keep the others waiting.
constexpr std::chrono::seconds kClientPatience{5};
// Longer than any end takes.
constexpr std::chrono::hours kNobodyWaits{1};

bool HasHungUp(const UniqueFd& client) {
  pollfd poll{.fd = client.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&poll, 1, 0) > 0;
}

void OnSignal(DiskService& service, const UniqueFd& signals) {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) > 0) {
  }
  const Result<void> detached = service.Detach();
  if (!detached) Log(fmt::format("{} ({})", detached.error().what, detached.error().hint));
}

DiskActivity Keep(ServedDisk& disk, const ControlRequest& request) {
  disk.hold().Take({.mark = request.mark, .term = request.term});
  return disk.Activity();
}

std::string Answer(DiskService& service, const ControlRequest& request, const UniqueFd& client) {
  switch (request.op) {
    case ControlOp::kDetach:
      return EncodeDone(service.Detach());
    case ControlOp::kStatus:
      return EncodeStatus(service.record(), service.disk().Activity());
    case ControlOp::kKeep:
      return EncodeStatus(service.record(), Keep(service.disk(), request));
    case ControlOp::kLetGo:
      service.disk().hold().Lift(request.term);
      return EncodeDone({});
    case ControlOp::kFill:
      return EncodeFill(service.disk().Fill());
    case ControlOp::kGrow:
      return EncodeFill(service.disk().Grow(request.max_change));
    case ControlOp::kClone:
      return EncodeClone(
          service.disk().CloneStore(request.clone, [&] { return !HasHungUp(client); }));
  }
  return EncodeDone(Fail(ErrorKind::kUsage, "the operation is not known"));
}

void OnClient(DiskService& service) {
  const Result<Connection> client = AcceptFrom(service.control());
  const Result<std::string> line =
      client ? ReceiveLine(client->fd, kClientPatience) : Fail(client.error());
  if (!line) return;  // it only looked whether somebody is here, or may not ask
  const Result<ControlRequest> request = DecodeRequest(*line);
  std::string answer =
      request ? Answer(service, *request, client->fd) : EncodeDone(Fail(request.error()));
  SendLine(client->fd, std::move(answer), kClientPatience).Ignore("who asked is gone");
}

}  // namespace

// For threads that are started later, too.
void PrepareServerProcess(const char* name) {
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  // What one thread has freed another takes: each would keep a heap of its own.
  ::mallopt(M_ARENA_MAX, 1);
  // The kernel writes dirty pages through this process: reclaiming memory must not wait for it.
  ::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  // Killing it would cost a sandbox its disk, and free next to nothing.
  const UniqueFd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  constexpr std::string_view kAlmostNever = "-900";
  [[maybe_unused]] const ssize_t n =
      fd.valid() ? ::write(fd.get(), kAlmostNever.data(), kAlmostNever.size()) : 0;
}

Result<UniqueFd> TakeSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return FailErrno(errno, "make a signalfd");
  return fd;
}

Result<void> TellReady(const UniqueFd& ready, const Result<Attachment>& attached) {
  return SendLine(ready, EncodeAttached(attached), kClientPatience);
}

void ServeUntilDetached(DiskService& service, const UniqueFd& signals) {
  while (service.attached()) {
    std::array<pollfd, 3> polls{
        pollfd{.fd = service.taken_away(), .events = POLLIN, .revents = 0},
        pollfd{.fd = signals.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = service.control().get(), .events = POLLIN, .revents = 0}};
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;  // EINTR
    if (polls[0].revents != 0) {
      // Who waits for room would keep the end waiting.
      service.disk().hold().Lift(kNobodyWaits);
      service.Finish().Ignore("it is logged");
    } else if (polls[1].revents != 0) {
      OnSignal(service, signals);
    } else if (polls[2].revents != 0) {
      OnClient(service);
    }
  }
}

}  // namespace veneer
