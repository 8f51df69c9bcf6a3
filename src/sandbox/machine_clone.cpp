// Copies of machines: for forks and snapshots.
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cow/clone.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/machine.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSeedSize = 64;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Result<void> CloneInto(const std::string& from, const std::string& to) {
  const auto file = VENEER_TRY(LinuxFile::Open(from, Access::kReadOnly));
  VENEER_TRY(CloneFile(*file, to));
  return {};
}

Result<void> RemoveWhereThere(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("remove {}", path));
}

Result<void> LinkWhereThere(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("link {} to {}", to, from));
}

Result<MachineClone> CloneRunning(const Host& host, const SandboxRecord& sandbox,
                                  const std::string& to,
                                  const std::function<Result<void>()>& clone_disk) {
  const std::string memory = host.layout.Memory(sandbox.id);
  const std::string base = host.layout.Base(to);
  const bool own = Exists(memory);
  SaveRequest request{.state = host.layout.State(to),
                      .memory = own ? SavedMemory::kInFile : SavedMemory::kInState,
                      .then = SaveRequest::Then::kGoOn,
                      .while_still = clone_disk};
  if (own) {
    request.copy_memory = [&]() -> Result<void> {
      VENEER_TRY(RemoveWhereThere(base));
      return CloneInto(memory, base);
    };
  }
  SaveReport report = VENEER_TRY(host.vmm.Save(sandbox.id, request));
  MachineClone clone{.warnings = std::move(report.warnings)};
  for (const VmStep& step : report.steps) clone.held += step.took;
  return clone;
}

// Thirty-two hex digits of its own, and bytes for the kernel's random numbers.
Result<std::string> RandomHex(std::size_t bytes) {
  std::string random(bytes, '\0');
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return FailErrno(errno, "get random bytes");
  }
  std::string hex;
  for (const char c : random) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

}  // namespace

Result<MachineClone> CloneMachine(const Host& host, const SandboxRecord& sandbox,
                                  const std::string& to,
                                  const std::function<Result<void>()>& clone_disk) {
  const bool runs = sandbox.machine && sandbox.state == SandboxState::kRunning;
  if (runs) return CloneRunning(host, sandbox, to, clone_disk);
  VENEER_TRY(clone_disk());
  if (!HasSavedMachine(host, sandbox)) return MachineClone{};
  if (const std::string memory = host.layout.Memory(sandbox.id); Exists(memory)) {
    VENEER_TRY(CloneInto(memory, host.layout.Base(to)));
    VENEER_TRY(LinkWhereThere(host.layout.State(sandbox.id), host.layout.State(to)));
    return MachineClone{};
  }
  VENEER_TRY(ShareMachine(host, sandbox.id, to));
  return MachineClone{};
}

Result<void> ShareMachine(const Host& host, const std::string& from, const std::string& to) {
  VENEER_TRY(LinkWhereThere(host.layout.Base(from), host.layout.Base(to)));
  return LinkWhereThere(host.layout.State(from), host.layout.State(to));
}

Result<void> MakeMemoryShareable(const Host& host, const SandboxRecord& sandbox,
                                 const std::string& to) {
  SandboxRecord copy = sandbox;
  copy.id = to;
  const std::string base = host.layout.Base(to);
  if (!HasSavedMachine(host, copy) || Exists(base)) return {};
  VmSpec spec = VENEER_TRY(PlanMachine(host, copy, Identity::kItsOwn)).spec;
  spec.memory_file = base;
  VENEER_TRY(host.vmm.MoveMemoryOut(spec, host.layout.State(to)));
  return {};
}

Bytes RoomForClone(const Host& host, const SandboxRecord& sandbox) {
  if (!sandbox.machine) return Bytes(0);
  const Bytes memory = sandbox.machine->memory;
  if (Exists(host.layout.Memory(sandbox.id))) {
    return TrySharing(host.layout.sandboxes()) ? Bytes(0) : memory;
  }
  const bool in_state = sandbox.state == SandboxState::kRunning ||
                        (HasSavedMachine(host, sandbox) && !Exists(host.layout.Base(sandbox.id)));
  return in_state ? memory + memory : Bytes(0);
}

Result<VmIdentity> NewIdentity(const std::string& host_name) {
  constexpr std::size_t kIdSize = 16;
  return VmIdentity{.host_name = host_name,
                    .machine_id = VENEER_TRY(RandomHex(kIdSize)),
                    .seed = VENEER_TRY(RandomHex(kSeedSize))};
}

}  // namespace veneer
