#include "vm/qemu/qemu_vmm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kernel/linux/child_process.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/spawn.h"
#include "kernel/linux/wait_until.h"
#include "kernel/nbd_address.h"
#include "vm/qemu/console_log.h"
#include "vm/qemu/exec_server.h"
#include "vm/qemu/guest_agent.h"
#include "vm/qemu/json_channel.h"
#include "vm/qemu/kvm_probe.h"
#include "vm/qemu/message.h"
#include "vm/qemu/qmp.h"
#include "vm/qemu/step_timer.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kKeeperPatience{30};
constexpr std::chrono::seconds kAgentPatience{30};
// For what a machine is told first: moments, but on a host with very much to do.
constexpr std::chrono::minutes kWakePatience{3};
constexpr std::chrono::seconds kThawPatience{60};
constexpr std::size_t kConsoleShown = 300;

std::unexpected<Error> NoMachine(const std::string& id) {
  return Fail(ErrorKind::kNotFound, fmt::format("{} has no virtual machine that runs", id),
              "boot one: veneer create TEMPLATE --boot");
}

Result<void> MakeDirectories(const std::string& run_dir, const VmFiles& files) {
  for (const std::string& path : {run_dir, run_dir + "/vms", files.directory}) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return FailErrno(errno, fmt::format("make the directory {}", path));
    }
  }
  return {};
}

Result<void> RemoveDirectory(const VmFiles& files) {
  std::error_code error;
  fs::remove_all(files.directory, error);
  if (error) return FailErrno(error.value(), fmt::format("remove {}", files.directory));
  return {};
}

// The keeper's first line; empty where it died before it.
std::string FirstLine(const UniqueFd& ready) {
  const auto deadline = std::chrono::steady_clock::now() + kKeeperPatience;
  std::string text;
  std::array<char, 512> buffer{};
  while (!text.contains('\n') && WaitUntilReady(ready, POLLIN, deadline)) {
    const ssize_t n = ::read(ready.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text.substr(0, text.find('\n'));
}

DiskForm FormOf(const std::string& disk) {
  if (disk.empty()) return DiskForm::kNone;
  if (SocketInUri(disk)) return DiskForm::kNbd;
  struct stat status{};
  const bool is_block = ::stat(disk.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  return is_block ? DiskForm::kBlockDevice : DiskForm::kFile;
}

// Where it cannot be told (too many open files, say) it is taken for alive: what is dead gets
// removed.
bool IsDead(const VmFiles& files) {
  const auto liveliness = LivelinessOf(files);
  if (!liveliness) return liveliness.error().kind == ErrorKind::kNotFound;
  return *liveliness == Liveliness::kDead;
}

Result<void> StartExecServer(GuestAgent& agent) {
  const auto answer = agent.Run(
      "guest-exec", {{"path", "perl"}, {"arg", {"-e", ExecServerScript()}}}, kAgentPatience);
  if (answer) return {};
  return Fail(Error{ErrorKind::kFailed, 0, answer.error().what,
                    "commands are run by a Perl script: the template needs perl-base, and its "
                    "agent must be allowed to run programs"});
}

// A machine without an agent was not frozen; one that was must not stay so.
Result<void> Thaw(const VmFiles& files) {
  GuestAgent agent = VENEER_TRY(GuestAgent::Connect(files.Agent(), kThawPatience));
  VENEER_TRY(agent.Run("guest-fsfreeze-thaw", nullptr, kThawPatience));
  return {};
}

// A command that ran when the state was saved may have left its port in the middle of a frame.
Result<void> DoubtPorts(const VmFiles& files) {
  for (unsigned n = 0; n < kExecPorts; ++n) VENEER_TRY(WriteSmall(files.ExecPortLock(n), "x"));
  return {};
}

// What the exec server does by itself, and how it says what it could not (exec_server.h).
ExecRequest WakeRequest(const VmSpec& spec, std::string& complaint) {
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())
                       .time_since_epoch()
                       .count();
  ExecRequest request{.argv = {std::string(kWakeCommand), std::to_string(now)},
                      .timeout = kWakePatience,
                      .output_limit = KiB(4)};
  if (spec.identity) {
    const VmIdentity& identity = *spec.identity;
    request.argv.insert(request.argv.end(),
                        {identity.host_name, identity.machine_id, identity.seed});
  }
  request.output = [&](ExecStream, std::string_view text) -> Result<void> {
    complaint += text;
    return {};
  };
  return request;
}

Result<UniqueFd> OpenState(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  return fd;
}

}  // namespace

Result<void> QemuVmm::RequireAlive(const std::string& id) const {
  return IsDead(FilesOf(id)) ? NoMachine(id) : Result<void>();
}

// Ends what there is, and says what the guest said last.
std::unexpected<Error> QemuVmm::GiveUp(const std::string& id, const Error& error) {
  Error told = error;
  const std::string end = ReadLineOr(FilesOf(id).End(), "");
  if (!end.empty()) told.what = fmt::format("{} ({})", told.what, end);
  const std::string said = Printable(ConsoleLog::Tail(FilesOf(id).directory, kConsoleShown));
  if (!said.empty()) told.what = fmt::format("{}; its console ends with: {}", told.what, said);
  Stop(id).Ignore("the cause is what matters");
  return Fail(std::move(told));
}

Result<VmAcceleration> QemuVmm::RunKeeper(const VmSpec& spec, VmBeginning beginning) {
  VENEER_TRY(PathOfProgram(kQemu, kQemuPackage));
  const VmFiles files = FilesOf(spec.id);
  if (!IsDead(files)) {
    return Fail(ErrorKind::kConflict, fmt::format("the virtual machine of {} runs", spec.id));
  }
  VENEER_TRY(RemoveDirectory(files));
  VENEER_TRY(MakeDirectories(settings_.run_dir, files));
  const VmAcceleration acceleration =
      spec.acceleration ? *spec.acceleration : BestAcceleration(settings_.run_dir, spec.kernel);
  const MachineFile machine{.argv = QemuArguments(spec, {.acceleration = acceleration,
                                                         .disk = FormOf(spec.disk),
                                                         .privileges = Privileges(),
                                                         .beginning = beginning}),
                            .acceleration = acceleration};
  VENEER_TRY(WriteSmall(files.Machine(), EncodeMachine(machine)));
  const UniqueFd ready = VENEER_TRY(SpawnDetached(
      settings_.program,
      {"veneer", "vm", "keep", files.directory, "--ready-fd", std::to_string(kSpawnedPipe)},
      "its keeper cannot be started"));
  const std::string line = FirstLine(ready);
  if (line == "ready") return acceleration;
  return Fail(ErrorKind::kFailed, fmt::format("the virtual machine of {} does not start: {}",
                                              spec.id, line.empty() ? "its keeper died" : line));
}

Result<void> QemuVmm::Boot(const VmFiles& files, std::vector<VmStep>& steps) {
  auto agent = TimeStep(steps, "boot", [&] {
    return GuestAgent::Connect(files.Agent(), settings_.boot_patience, [&]() -> Result<void> {
      if (IsDead(files)) return Fail(ErrorKind::kFailed, "the virtual machine ended while booting");
      return {};
    });
  });
  if (!agent) {
    return Fail(Error{agent.error().kind, agent.error().os_errno, agent.error().what,
                      "the template must start qemu-guest-agent by itself"});
  }
  return TimeStep(steps, "exec server", [&] { return StartExecServer(*agent); });
}

// One round trip for all that a guest must be told before it is used. Without its clock it works;
// one that has no identity of its own does not.
Result<void> QemuVmm::Wake(const VmSpec& spec, VmReport& report) {
  std::string complaint;
  const auto end = Exec(spec.id, WakeRequest(spec, complaint));
  const int status = end ? ShellStatus(*end) : kWakeClock;
  if (!end) complaint = end.error().what;
  if (end && end->outcome == ExecOutcome::kTimedOut) complaint = "it does not answer in time";
  const std::string why = Printable(complaint.substr(0, complaint.find('\n')));
  const bool own = !spec.identity || (end && (status == 0 || status == kWakeClock));
  if (!own) {
    return Fail(ErrorKind::kFailed,
                fmt::format("{} does not get an identity of its own: {}", spec.id, why),
                "one that an older version saved must be booted and saved anew");
  }
  if (status != 0) report.warnings.push_back(fmt::format("its clock is not set: {}", why));
  return {};
}

Result<VmReport> QemuVmm::Start(const VmSpec& spec) {
  VmReport report;
  const auto kept =
      TimeStep(report.steps, "start", [&] { return RunKeeper(spec, VmBeginning::kBoot); });
  if (!kept && kept.error().kind == ErrorKind::kConflict) return Fail(kept.error());
  if (!kept) return GiveUp(spec.id, kept.error());
  report.acceleration = *kept;
  const Result<void> booted = Boot(FilesOf(spec.id), report.steps);
  if (!booted) return GiveUp(spec.id, booted.error());
  const Result<void> awake = TimeStep(report.steps, "wake", [&] { return Wake(spec, report); });
  if (!awake) return GiveUp(spec.id, awake.error());
  return report;
}

Result<void> QemuVmm::Load(const VmFiles& files, const std::string& state, SavedMemory memory,
                           const std::function<Result<void>()>& before_running,
                           std::vector<VmStep>& steps) {
  const UniqueFd file = VENEER_TRY(OpenState(state));
  Qmp qmp = VENEER_TRY(Qmp::Connect(files.Qmp()));
  VENEER_TRY(TimeStep(steps, "load", [&] {
    return qmp.LoadFrom(
        file, memory == SavedMemory::kInFile ? Qmp::Memory::kInItsFile : Qmp::Memory::kInTheState);
  }));
  VENEER_TRY(DoubtPorts(files));
  if (before_running) VENEER_TRY(before_running());
  return TimeStep(steps, "continue", [&]() -> Result<void> {
    VENEER_TRY(qmp.Run("cont"));
    return {};
  });
}

Result<VmReport> QemuVmm::Restore(const VmSpec& spec, const std::string& state, SavedMemory memory,
                                  const std::function<Result<void>()>& before_running) {
  VmReport report;
  const auto kept =
      TimeStep(report.steps, "start", [&] { return RunKeeper(spec, VmBeginning::kSavedState); });
  if (!kept && kept.error().kind == ErrorKind::kConflict) return Fail(kept.error());
  if (!kept) return GiveUp(spec.id, kept.error());
  report.acceleration = *kept;
  const VmFiles files = FilesOf(spec.id);
  const Result<void> loaded = Load(files, state, memory, before_running, report.steps);
  if (!loaded) return GiveUp(spec.id, loaded.error());
  const Result<void> thawed = TimeStep(report.steps, "thaw", [&] { return Thaw(files); });
  if (!thawed) {
    report.warnings.push_back(
        fmt::format("its file systems may still be frozen: {}", thawed.error().what));
  }
  const Result<void> awake = TimeStep(report.steps, "wake", [&] { return Wake(spec, report); });
  if (!awake) return GiveUp(spec.id, awake.error());
  return report;
}

Result<void> QemuVmm::Stop(const std::string& id) {
  const VmFiles files = FilesOf(id);
  if (!fs::exists(files.directory)) return {};
  // One that is just being started says in a moment who it is.
  constexpr std::chrono::seconds kStarting{10};
  constexpr std::chrono::seconds kEnding{30};
  const auto process = [&]() -> Result<VmProcess> {
    const std::string text = VENEER_TRY(ReadText(files.Process()));
    return DecodeProcess(text);
  };
  WaitUntil(kStarting, [&] { return IsDead(files) || process().has_value(); });
  if (!IsDead(files)) {
    const VmProcess running = VENEER_TRY(process());
    VENEER_TRY(EndProcess(running));
    if (!WaitUntil(kEnding, [&] { return IsDead(files); })) {
      return Fail(ErrorKind::kFailed, fmt::format("the virtual machine of {} does not end", id));
    }
  }
  return RemoveDirectory(files);
}

Result<VmStatus> QemuVmm::Status(const std::string& id) {
  const VmFiles files = FilesOf(id);
  const auto liveliness = LivelinessOf(files);
  if (!liveliness && liveliness.error().kind == ErrorKind::kNotFound) return VmStatus{};
  if (!liveliness) return Fail(liveliness.error());
  VmStatus status;
  if (const auto text = ReadText(files.Machine())) {
    if (const auto machine = DecodeMachine(*text)) status.acceleration = machine->acceleration;
  }
  if (*liveliness == Liveliness::kDead) {
    status.presence = VmPresence::kEnded;
    status.reason = Printable(ReadLineOr(files.End(), "it was killed"));
    return status;
  }
  status.presence = VmPresence::kRunning;
  if (const auto text = ReadText(files.Process())) {
    if (const auto process = DecodeProcess(*text)) status.process = process->pid;
  }
  return status;
}

Result<ConsoleText> QemuVmm::Console(const std::string& id, std::uint64_t from) {
  const VmFiles files = FilesOf(id);
  if (!fs::exists(files.directory)) return NoMachine(id);
  return ConsoleLog::Read(files.directory, from);
}

}  // namespace veneer
