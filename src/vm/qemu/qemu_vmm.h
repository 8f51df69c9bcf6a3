// Virtual machines by QEMU, as Debian has it: with KVM where that runs a guest, else emulated.
//
// Each has a keeper and a QEMU (keeper.h), which belong to nobody; what is known of them is in
// their files (vm_files.h).
#pragma once

#include <string>
#include <vector>

#include "vm/qemu/machine.h"
#include "vm/qemu/vm_files.h"
#include "vm/vmm.h"

namespace veneer {

struct QemuSettings {
  std::string run_dir;
  // What runs a keeper, as `PROGRAM vm keep DIRECTORY --ready-fd N`.
  std::string program = "/proc/self/exe";
  // How long a guest may take from its start to its agent's first word.
  std::chrono::seconds boot_patience{180};
};

class QemuVmm final : public Vmm {
 public:
  explicit QemuVmm(QemuSettings settings) : settings_(std::move(settings)) {}

  Result<VmReport> Start(const VmSpec& spec) override;
  Result<VmReport> Restore(const VmSpec& spec, const std::string& state, SavedMemory memory,
                           const std::function<Result<void>()>& before_running) override;
  Result<SaveReport> Save(const std::string& id, const SaveRequest& request) override;
  Result<std::vector<std::string>> GoOn(const std::string& id) override;
  Result<std::vector<VmStep>> MoveMemoryOut(const VmSpec& spec, const std::string& state) override;
  Result<ExecEnd> Exec(const std::string& id, const ExecRequest& request) override;
  Result<void> Stop(const std::string& id) override;
  [[nodiscard]] Result<VmStatus> Status(const std::string& id) override;
  [[nodiscard]] Result<ConsoleText> Console(const std::string& id, std::uint64_t from) override;

 private:
  [[nodiscard]] VmFiles FilesOf(const std::string& id) const {
    return FilesOfVm(settings_.run_dir, id);
  }
  Result<VmAcceleration> RunKeeper(const VmSpec& spec, VmBeginning beginning);
  Result<void> Boot(const VmFiles& files, std::vector<VmStep>& steps);
  Result<void> Load(const VmFiles& files, const std::string& state, SavedMemory memory,
                    const std::function<Result<void>()>& before_running,
                    std::vector<VmStep>& steps);
  Result<void> Wake(const VmSpec& spec, VmReport& report);
  Result<void> RequireAlive(const std::string& id) const;
  std::unexpected<Error> GiveUp(const std::string& id, const Error& error);

  QemuSettings settings_;
};

}  // namespace veneer
