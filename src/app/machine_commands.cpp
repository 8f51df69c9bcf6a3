#include "app/machine_commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/interrupt_watch.h"
#include "app/output.h"
#include "app/session.h"
#include "app/views.h"
#include "base/size_text.h"
#include "sandbox/exec_json.h"
#include "sandbox/lifecycle.h"
#include "sandbox/machine.h"
#include "vm/qemu/keeper.h"

namespace veneer {
namespace {

constexpr int kInterrupted = 130;
constexpr int kReaderHasGone = 141;  // as a shell tells of SIGPIPE
// JSON is in memory as a whole.
constexpr Bytes kMostJsonOutput = MiB(16);

Result<void> WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return FailErrno(errno, "write the command's output");
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

void Tell(const std::string& what) {
  WriteAll(STDERR_FILENO, what + "\n").Ignore("it is a remark");
}

Result<ExecRequest> RequestOf(const ExecArguments& arguments) {
  ExecRequest request{.argv = arguments.command,
                      .environment = arguments.environment,
                      .directory = arguments.directory,
                      .user = arguments.user};
  if (arguments.input) request.input = STDIN_FILENO;
  if (arguments.output_limit) request.output_limit = VENEER_TRY(ParseSize(*arguments.output_limit));
  if (!arguments.timeout) return request;
  constexpr double kMost = 1e9;
  // So that NaN is none either.
  const bool possible = *arguments.timeout > 0 && *arguments.timeout < kMost;
  if (!possible) {
    return Fail(ErrorKind::kUsage, "--timeout is a number of seconds above 0");
  }
  request.timeout = std::chrono::ceil<std::chrono::milliseconds>(
      std::chrono::duration<double>(*arguments.timeout));
  return request;
}

// What a command has said.
struct Heard {
  std::string output;
  std::string errors;
  bool reader_has_gone = false;

  Result<void> Keep(ExecStream stream, std::string_view text) {
    (stream == ExecStream::kOutput ? output : errors) += text;
    return {};
  }
  Result<void> PassOn(ExecStream stream, std::string_view text) {
    Result<void> told =
        WriteAll(stream == ExecStream::kOutput ? STDOUT_FILENO : STDERR_FILENO, text);
    if (!told && told.error().os_errno == EPIPE) reader_has_gone = true;
    return told;
  }
};

Result<void> PrintEnd(const ExecEnd& end, const Heard& heard) {
  nlohmann::ordered_json json = ExecEndJson(end);
  json["stdout"] = OutputJson(heard.output);
  json["stderr"] = OutputJson(heard.errors);
  return PrintJson(json);
}

void TellEnd(const ExecEnd& end) {
  if (end.dropped != Bytes(0)) {
    Tell(fmt::format("veneer: {} of output were over the limit and are dropped",
                     FormatSize(end.dropped)));
  }
  if (end.outcome == ExecOutcome::kTimedOut) {
    Tell(fmt::format("veneer: the command was ended after {:.1f} s", end.took.count() / 1000));
  }
}

// Runs it and tells what it says while it runs (as JSON: afterwards).
Result<int> ExecIn(const GlobalOptions& options, Vmm& vmm, const std::string& id,
                   ExecRequest request, const InterruptWatch& watch) {
  Heard heard;
  const bool json = options.style == OutputStyle::kJson;
  if (json && !request.output_limit) request.output_limit = kMostJsonOutput;
  request.check = [&] { return watch.Check(); };
  // What ends this process by a signal leaves a sandbox behind.
  ::signal(SIGPIPE, SIG_IGN);
  request.output = [&](ExecStream stream, std::string_view text) {
    return json ? heard.Keep(stream, text) : heard.PassOn(stream, text);
  };
  const Result<ExecEnd> ended = vmm.Exec(id, request);
  if (!ended && heard.reader_has_gone) return kReaderHasGone;
  const ExecEnd end = VENEER_TRY(ended);
  if (json) {
    VENEER_TRY(PrintEnd(end, heard));
  } else {
    TellEnd(end);
  }
  return ShellStatus(end);
}

// Ctrl-C is no failure to be explained.
Result<int> StatusOf(Result<int> ended) {
  if (!ended && ended.error().os_errno == EINTR) return kInterrupted;
  return ended;
}

}  // namespace

Result<MachineRecord> MachineOf(const MachineArguments& arguments) {
  if (!NetworkNamed(arguments.network)) {
    return Fail(ErrorKind::kUsage, fmt::format("--net {}: no such network", arguments.network),
                "choose none or user");
  }
  return MachineRecord{.memory = VENEER_TRY(ParseSize(arguments.memory)),
                       .cpus = arguments.cpus,
                       .network = arguments.network};
}

Result<int> SandboxExec(const GlobalOptions& options, const ExecArguments& arguments) {
  ExecRequest request = VENEER_TRY(RequestOf(arguments));
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return Fail(NoState(options));
  const SandboxRecord record = VENEER_TRY(SandboxThatRuns(session->catalog(), arguments.sandbox));
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  return StatusOf(ExecIn(options, session->host().vmm, record.id, std::move(request), *watch));
}

Result<int> TemplateRun(const GlobalOptions& options, const RunArguments& arguments) {
  ExecRequest request = VENEER_TRY(RequestOf(arguments.exec));
  const CreateRequest create{.template_reference = arguments.exec.sandbox,
                             .machine = VENEER_TRY(MachineOf(arguments.machine))};
  const auto session = VENEER_TRY(Session::OpenToChange(options));
  // Before there is anything to clean up.
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  Lifecycle lifecycle(session->host());
  const SandboxRecord record = VENEER_TRY(lifecycle.Create(create));
  auto ended =
      StatusOf(ExecIn(options, session->host().vmm, record.id, std::move(request), *watch));
  const Result<void> destroyed = lifecycle.Destroy(record.id, DestroyMode::kForce);
  if (!ended) return Fail(ended.error());
  if (!destroyed) Tell(OneLine(RenderErrorLine(destroyed.error())));
  return ended;
}

Result<int> SandboxLogs(const GlobalOptions& options, const LogsArguments& arguments) {
  const bool json = options.style == OutputStyle::kJson;
  if (json && arguments.follow) {
    return Fail(ErrorKind::kUsage, "what goes on is no one JSON value",
                "leave --follow or --json out");
  }
  const auto session = VENEER_TRY(Session::OpenToLook(options));
  if (!session) return Fail(NoState(options));
  const SandboxRecord record =
      VENEER_TRY(SandboxWithMachine(session->catalog(), arguments.sandbox));
  Vmm& vmm = session->host().vmm;
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  constexpr int kPauseMs = 200;
  ConsoleText said = VENEER_TRY(vmm.Console(record.id, 0));
  if (json) {
    VENEER_TRY(PrintJson({{"id", record.id}, {"console", OutputJson(said.text)}}));
    return 0;
  }
  VENEER_TRY(WriteAll(STDOUT_FILENO, said.text));
  while (arguments.follow) {
    const VmStatus status = VENEER_TRY(vmm.Status(record.id));
    auto more = vmm.Console(record.id, said.next);
    if (!more) return 0;  // it was paused or destroyed
    said = *std::move(more);
    VENEER_TRY(WriteAll(STDOUT_FILENO, said.text));
    if (status.presence != VmPresence::kRunning && said.text.empty()) return 0;
    pollfd interrupted{.fd = watch->fd().get(), .events = POLLIN, .revents = 0};
    if (said.text.empty()) ::poll(&interrupted, 1, kPauseMs);
    if (!watch->Check()) return kInterrupted;
  }
  return 0;
}

Result<int> MachineKeep(const GlobalOptions& /*options*/, const KeepArguments& arguments) {
  if (::fcntl(arguments.ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--ready-fd {} is no open descriptor", arguments.ready_fd),
                "use 'veneer create --boot': it starts the keeper");
  }
  return KeepVm(arguments.directory, UniqueFd(arguments.ready_fd));
}

}  // namespace veneer
