#include "vm/qemu/keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/linux/child_process.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/unix_socket.h"
#include "vm/qemu/console_log.h"
#include "vm/qemu/exec_server.h"
#include "vm/qemu/machine.h"
#include "vm/qemu/message.h"
#include "vm/qemu/vm_files.h"

namespace veneer {
namespace {

// All best effort.
void PrepareProcess() {
  ::prctl(PR_SET_NAME, "veneer", 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::umask(0077);
}

void Say(UniqueFd& ready, std::string_view text) {
  const std::string line = Printable(text) + "\n";
  [[maybe_unused]] const ssize_t n = ::write(ready.get(), line.data(), line.size());
  ready.Close();
}

std::string HowItEnded(const ChildEnd& end) {
  const std::size_t last = end.errors.find_last_not_of('\n');
  const std::size_t before = end.errors.rfind('\n', last);
  const std::string line =
      last == std::string::npos
          ? ""
          : end.errors.substr(before == std::string::npos ? 0 : before + 1, last - before);
  if (end.status == 0) return "the guest switched itself off";
  constexpr int kSignalBase = 128;
  const std::string how = end.status > kSignalBase
                              ? fmt::format("signal {} ended QEMU", end.status - kSignalBase)
                              : fmt::format("QEMU ended with status {}", end.status);
  return line.empty() ? how : fmt::format("{}: {}", how, line);
}

// In the order of InheritedFile.
Result<std::vector<UniqueFd>> FilesFor(const VmFiles& files, UniqueFd alive) {
  std::vector<UniqueFd> opened;
  opened.push_back(std::move(alive));
  opened.push_back(VENEER_TRY(ListenAtUnix(files.Qmp())));
  opened.push_back(VENEER_TRY(ListenAtUnix(files.Agent())));
  for (unsigned n = 0; n < kExecPorts; ++n) {
    VENEER_TRY(WriteSmall(files.ExecPortLock(n), ""));
    opened.push_back(VENEER_TRY(ListenAtUnix(files.ExecPort(n))));
  }
  return opened;
}

Result<void> Keep(const VmFiles& files, UniqueFd& ready) {
  const std::string text = VENEER_TRY(ReadText(files.Machine()));
  const MachineFile machine = VENEER_TRY(DecodeMachine(text));
  UniqueFd alive = VENEER_TRY(LockAlive(files));
  const std::vector<UniqueFd> opened = VENEER_TRY(FilesFor(files, std::move(alive)));
  ConsoleLog console(files.directory);
  ChildProgram program{.argv = machine.argv, .package = kQemuPackage};
  for (const UniqueFd& file : opened) program.files.push_back(&file);
  program.output = [&](std::string_view said) -> Result<void> {
    // A full disk under the log is no reason to end a machine.
    console.Append(said).Ignore("what is lost is console output");
    return {};
  };
  program.started = [&](pid_t pid) -> Result<void> {
    const VmProcess process = VENEER_TRY(ProcessNow(pid));
    VENEER_TRY(WriteSmall(files.Process(), EncodeProcess(process)));
    Say(ready, "ready");
    return {};
  };
  const ChildEnd end = VENEER_TRY(RunChild(program));
  return WriteSmall(files.End(), HowItEnded(end));
}

}  // namespace

int KeepVm(const std::string& directory, UniqueFd ready) {
  PrepareProcess();
  const Result<void> kept = Keep({.directory = directory}, ready);
  if (kept) return 0;
  if (ready.valid()) Say(ready, kept.error().what);
  return ExitStatus(kept.error().kind);
}

}  // namespace veneer
