// Where a virtual machine is found: a directory of its own below the run directory.
//
//   RUN/vms/ID/machine.json   what its keeper is to start (MachineFile)
//   RUN/vms/ID/process.json   the process that runs it (VmProcess)
//   RUN/vms/ID/alive          locked for as long as the machine or its keeper lives, by the open
//                             file that both have: a crash of either tells
//   RUN/vms/ID/end            how it ended by itself, in a line
//   RUN/vms/ID/qmp, agent, exec-N   sockets, and exec-N.lock for who uses one
//   RUN/vms/ID/console.0, console.1 the console's log, in two halves
//
// Decoders are total.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vm/vmm.h"

namespace veneer {

struct VmFiles {
  std::string directory;

  [[nodiscard]] std::string Machine() const { return directory + "/machine.json"; }
  [[nodiscard]] std::string Process() const { return directory + "/process.json"; }
  [[nodiscard]] std::string Alive() const { return directory + "/alive"; }
  [[nodiscard]] std::string End() const { return directory + "/end"; }
  [[nodiscard]] std::string Qmp() const { return directory + "/qmp"; }
  [[nodiscard]] std::string Agent() const { return directory + "/agent"; }
  [[nodiscard]] std::string ExecPort(unsigned number) const {
    return directory + "/exec-" + std::to_string(number);
  }
  // Who uses it; a byte is in it where its state is not known.
  [[nodiscard]] std::string ExecPortLock(unsigned number) const {
    return ExecPort(number) + ".lock";
  }
};

VmFiles FilesOfVm(const std::string& run_dir, const std::string& id);

// What a keeper starts: {"argv":["qemu-system-x86_64",…],"acceleration":"kvm"}
struct MachineFile {
  std::vector<std::string> argv;
  VmAcceleration acceleration = VmAcceleration::kEmulation;
};
std::string EncodeMachine(const MachineFile& machine);
Result<MachineFile> DecodeMachine(std::string_view text);

// A process that is the same one only if it began at the same time: {"pid":812,"began":12345}
struct VmProcess {
  pid_t pid = 0;
  std::uint64_t began = 0;  // clock ticks since the host's start
};
std::string EncodeProcess(const VmProcess& process);
Result<VmProcess> DecodeProcess(std::string_view text);

// When a process began, from its /proc/PID/stat. kCorrupt where the text is none.
Result<std::uint64_t> BeganIn(std::string_view stat);
Result<VmProcess> ProcessNow(pid_t pid);

// Ends it (SIGKILL) and waits for that; nothing happens where the number is another's by now.
Result<void> EndProcess(const VmProcess& process);

// Holds it (SIGSTOP) until none of its threads runs; lets it go on.
Result<void> HoldProcess(const VmProcess& process);
Result<void> LetProcessGo(const VmProcess& process);

// Takes the lock of `files.Alive()`, made where it is missing. kConflict: the machine lives.
Result<UniqueFd> LockAlive(const VmFiles& files);
// The same to look only: kNotFound where there is no machine.
enum class Liveliness : std::uint8_t { kAlive, kDead };
Result<Liveliness> LivelinessOf(const VmFiles& files);

// Replaces a small file.
Result<void> WriteSmall(const std::string& path, std::string_view text);

}  // namespace veneer
