#include "vm/qemu/vm_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>
#include <utility>

#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

using Json = nlohmann::json;

constexpr int kEndPatienceMs = 30'000;
constexpr std::chrono::seconds kHoldPatience{10};

std::unexpected<Error> Damaged(std::string_view what) {
  return Fail(ErrorKind::kCorrupt, fmt::format("a file of a virtual machine is damaged: {}", what));
}

Json ObjectIn(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? std::move(json) : Json::object();
}

Result<UniqueFd> OpenAlive(const VmFiles& files, int flags) {
  UniqueFd fd(::open(files.Alive().c_str(), flags | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", files.Alive()));
  return fd;
}

// The descriptor that stands for the process; none where it has ended.
Result<UniqueFd> SendSignal(const VmProcess& process, int signal) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd.valid() && errno == ESRCH) return UniqueFd();
  if (!fd.valid()) return FailErrno(errno, fmt::format("watch process {}", process.pid));
  // Read after the descriptor was had: from here on the number cannot become another's.
  const Result<VmProcess> now = ProcessNow(process.pid);
  const bool gone = !now && (now.error().os_errno == ENOENT || now.error().os_errno == ESRCH);
  if (gone) return UniqueFd();
  if (!now) return Fail(now.error());
  if (now->began != process.began) return UniqueFd();
  if (::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    return FailErrno(errno, fmt::format("send signal {} to process {}", signal, process.pid));
  }
  return fd;
}

// Whether no thread of it runs: "812 (a name) T …", stopped, also under a tracer.
bool StandsStill(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid), error);
  if (error) return true;  // it has ended
  for (const auto& task : tasks) {
    const std::string stat = ReadText(task.path() / "stat").value_or("");
    const std::size_t bracket = stat.rfind(')');
    const bool gone = bracket == std::string::npos || bracket + 2 >= stat.size();
    if (!gone && std::string_view("TtZX").find(stat[bracket + 2]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

VmFiles FilesOfVm(const std::string& run_dir, const std::string& id) {
  return {.directory = fmt::format("{}/vms/{}", run_dir, id)};
}

std::string EncodeMachine(const MachineFile& machine) {
  const Json json{{"argv", machine.argv}, {"acceleration", AccelerationName(machine.acceleration)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<MachineFile> DecodeMachine(std::string_view text) {
  const Json json = ObjectIn(text);
  const Json& argv = json.value("argv", Json::array());
  if (!argv.is_array() || argv.empty()) return Damaged("no program");
  MachineFile machine;
  for (const Json& word : argv) {
    if (!word.is_string()) return Damaged("an argument that is no text");
    machine.argv.push_back(word.get<std::string>());
  }
  const auto name = json.find("acceleration");
  const auto acceleration = name != json.end() && name->is_string()
                                ? AccelerationNamed(name->get<std::string>())
                                : std::nullopt;
  if (!acceleration) return Damaged("its acceleration");
  machine.acceleration = *acceleration;
  return machine;
}

std::string EncodeProcess(const VmProcess& process) {
  return Json{{"pid", process.pid}, {"began", process.began}}.dump();
}

Result<VmProcess> DecodeProcess(std::string_view text) {
  const Json json = ObjectIn(text);
  const auto pid = json.find("pid");
  const auto began = json.find("began");
  const bool whole = pid != json.end() && pid->is_number_integer() && began != json.end() &&
                     began->is_number_unsigned();
  if (!whole) return Damaged("its process");
  const auto number = pid->get<std::int64_t>();
  constexpr std::int64_t kMostPid = std::int64_t{1} << 22U;
  if (number <= 1 || number > kMostPid) return Damaged("its process");
  return VmProcess{.pid = static_cast<pid_t>(number), .began = began->get<std::uint64_t>()};
}

// "812 (a name) with) spaces) S 1 …": the 22nd field; the name ends at the last bracket.
Result<std::uint64_t> BeganIn(std::string_view stat) {
  const std::size_t bracket = stat.rfind(')');
  if (bracket == std::string_view::npos) return Damaged("/proc/PID/stat");
  std::istringstream fields{std::string(stat.substr(bracket + 1))};
  constexpr int kFieldsBefore = 19;
  std::string field;
  for (int n = 0; n < kFieldsBefore; ++n) fields >> field;
  std::uint64_t began = 0;
  if (!(fields >> began)) return Damaged("/proc/PID/stat");
  return began;
}

Result<VmProcess> ProcessNow(pid_t pid) {
  const std::string stat = VENEER_TRY(ReadText(fmt::format("/proc/{}/stat", pid)));
  return VmProcess{.pid = pid, .began = VENEER_TRY(BeganIn(stat))};
}

Result<void> EndProcess(const VmProcess& process) {
  const UniqueFd fd = VENEER_TRY(SendSignal(process, SIGKILL));
  if (!fd.valid()) return {};
  pollfd poll{.fd = fd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&poll, 1, kEndPatienceMs) > 0) return {};
  return Fail(ErrorKind::kFailed, fmt::format("process {} does not end", process.pid),
              "its disk may hang; see the host's kernel log");
}

Result<void> HoldProcess(const VmProcess& process) {
  VENEER_TRY(SendSignal(process, SIGSTOP));
  if (WaitUntil(kHoldPatience, [&] { return StandsStill(process.pid); })) return {};
  return Fail(ErrorKind::kFailed, fmt::format("process {} does not stop", process.pid),
              "its disk may hang; see the host's kernel log");
}

Result<void> LetProcessGo(const VmProcess& process) {
  VENEER_TRY(SendSignal(process, SIGCONT));
  return {};
}

Result<UniqueFd> LockAlive(const VmFiles& files) {
  UniqueFd fd = VENEER_TRY(OpenAlive(files, O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return Fail(ErrorKind::kConflict, "the virtual machine runs already");
  return FailErrno(errno, fmt::format("lock {}", files.Alive()));
}

Result<Liveliness> LivelinessOf(const VmFiles& files) {
  const UniqueFd fd = VENEER_TRY(OpenAlive(files, O_RDONLY));
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return Liveliness::kDead;
  if (errno == EWOULDBLOCK) return Liveliness::kAlive;
  return FailErrno(errno, fmt::format("lock {}", files.Alive()));
}

Result<void> WriteSmall(const std::string& path, std::string_view text) {
  const std::string part = path + ".part";
  {
    const UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd.valid() || ::write(fd.get(), text.data(), text.size()) < 0) {
      return FailErrno(errno, fmt::format("write {}", part));
    }
  }
  if (::rename(part.c_str(), path.c_str()) != 0)
    return FailErrno(errno, fmt::format("name {}", path));
  return {};
}

}  // namespace veneer
