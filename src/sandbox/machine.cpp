#include "sandbox/machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kernel/linux/remove_file.h"
#include "sandbox/lifecycle.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// While a memory is read out of a state: it has the machine's name once all of it is there.
std::string LoadingFile(const Host& host, const std::string& id) {
  return host.layout.sandboxes() + "/" + id + ".loading";
}

Result<void> Remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("remove {}", path));
}

Result<VmSpec> SpecOf(const Host& host, const SandboxRecord& record) {
  const TemplateRecord from = VENEER_TRY(host.catalog.Template(record.template_id));
  if (!from.boot) {
    return Fail(ErrorKind::kUsage, fmt::format("the template {} boots nothing", from.name),
                "make one that does: veneer template build, or template import --kernel");
  }
  const auto network = NetworkNamed(record.machine->network);
  if (!network) return Fail(ErrorKind::kCorrupt, fmt::format("the machine of {}", record.id));
  return VmSpec{.id = record.id,
                .disk = record.path.value_or(""),
                .kernel = host.layout.Kernel(from.id),
                .initrd = from.boot->initrd.empty() ? "" : host.layout.Initrd(from.id),
                .cmdline = from.boot->cmdline,
                .memory_file = host.layout.Memory(record.id),
                .memory = record.machine->memory,
                .cpus = record.machine->cpus,
                .network = *network};
}

void NoteSteps(StepClock& clock, const std::vector<VmStep>& steps) {
  for (const VmStep& step : steps) clock.Note(step.name, step.took);
}

class Waking {
 public:
  Waking(const Host& host, const SandboxRecord& record)
      : host_(host),
        id_(record.id),
        own_(Exists(host.layout.Memory(record.id))),
        shared_(!own_ && Exists(host.layout.Base(record.id))) {}

  Result<VmReport> Run(VmSpec spec);

 private:
  [[nodiscard]] bool whole() const { return !own_ && !shared_; }
  Result<void> BeforeRunning();

  Host host_;
  std::string id_;
  bool own_;
  bool shared_;
};

// From here on what was saved is of no use any more.
Result<void> Waking::BeforeRunning() {
  VENEER_TRY(RemoveDurably(host_.layout.State(id_)));
  // Whoever has it mapped keeps it.
  if (shared_) return Remove(host_.layout.Base(id_));
  if (!whole()) return {};
  const std::string loading = LoadingFile(host_, id_);
  if (::rename(loading.c_str(), host_.layout.Memory(id_).c_str()) == 0) return {};
  return FailErrno(errno, fmt::format("name {}", host_.layout.Memory(id_)));
}

Result<VmReport> Waking::Run(VmSpec spec) {
  if (whole()) {
    spec.memory_file = LoadingFile(host_, id_);
    VENEER_TRY(Remove(spec.memory_file));
  }
  if (shared_) {
    spec.memory_file = host_.layout.Base(id_);
    spec.memory_use = VmMemory::kShared;
  }
  return host_.vmm.Restore(spec, host_.layout.State(id_),
                           whole() ? SavedMemory::kInState : SavedMemory::kInFile,
                           [this] { return BeforeRunning(); });
}

}  // namespace

bool HasSavedMachine(const Host& host, const SandboxRecord& record) {
  return record.machine && Exists(host.layout.State(record.id));
}

Result<void> ForgetMachine(const Host& host, const std::string& id) {
  const Layout& layout = host.layout;
  // The state first: without it the others mean nothing.
  for (const std::string& path :
       {layout.State(id), layout.Memory(id), layout.Base(id), LoadingFile(host, id)}) {
    VENEER_TRY(Remove(path));
  }
  return {};
}

Result<MachinePlan> PlanMachine(const Host& host, const SandboxRecord& record, Identity identity) {
  MachinePlan plan{.spec = VENEER_TRY(SpecOf(host, record)),
                   .wakes = HasSavedMachine(host, record)};
  if (plan.wakes) plan.spec.acceleration = AccelerationNamed(record.machine->acceleration);
  if (identity == Identity::kNew) plan.spec.identity = VENEER_TRY(NewIdentity(record.name));
  return plan;
}

Result<void> RunMachine(const Host& host, const MachinePlan& plan, SandboxRecord& record,
                        StepClock& clock) {
  if (!plan.wakes) VENEER_TRY(ForgetMachine(host, record.id));
  const VmReport report =
      VENEER_TRY(plan.wakes ? Waking(host, record).Run(plan.spec) : host.vmm.Start(plan.spec));
  NoteSteps(clock, report.steps);
  record.machine->acceleration = AccelerationName(report.acceleration);
  record.warnings.insert(record.warnings.end(), report.warnings.begin(), report.warnings.end());
  return {};
}

Result<std::string> SaveMachine(const Host& host, const SandboxRecord& record, StepClock& clock) {
  std::string gone = VENEER_TRY(WhyMachineIsGone(host, record));
  if (!gone.empty()) VENEER_TRY(EndMachine(host, record));
  if (!record.machine || !gone.empty()) return gone;
  const Layout& layout = host.layout;
  const bool own = Exists(layout.Memory(record.id));
  SaveRequest request{.state = layout.State(record.id),
                      .memory = own ? SavedMemory::kInFile : SavedMemory::kInState};
  if (own) request.memory_file = layout.Memory(record.id);
  LetWritersGo(host, record, kToEnd);
  const SaveReport report = VENEER_TRY(host.vmm.Save(record.id, request));
  NoteSteps(clock, report.steps);
  return gone;
}

Result<std::vector<std::string>> LetMachineGoOn(const Host& host, const SandboxRecord& record) {
  const bool none = !record.machine || record.state == SandboxState::kPaused;
  if (none) return std::vector<std::string>();
  if (HasSavedMachine(host, record)) {
    return Fail(ErrorKind::kFailed,
                fmt::format("the machine of {} is saved, and is yet to be ended", record.id));
  }
  // It may have been removed, but not for good.
  VENEER_TRY(RemoveDurably(host.layout.State(record.id)));
  return host.vmm.GoOn(record.id);
}

Error StandsStill(const Error& cause, const Error& why) {
  Error told = cause;
  told.what = fmt::format("{}; its machine does not go on: {}", cause.what, why.what);
  told.hint = "'veneer recover' tries again, as does every command that changes something";
  return told;
}

Result<void> EndMachine(const Host& host, const SandboxRecord& record) {
  if (record.machine) LetWritersGo(host, record, kToEnd);
  return host.vmm.Stop(record.id);
}

Result<SandboxRecord> SandboxWithMachine(const Catalog& catalog, const std::string& reference) {
  SandboxRecord record = VENEER_TRY(catalog.Sandbox(reference));
  if (record.machine) return record;
  return Fail(ErrorKind::kConflict, fmt::format("{} has no machine", record.id),
              "make a sandbox with one: veneer create TEMPLATE --boot");
}

Result<SandboxRecord> SandboxThatRuns(const Catalog& catalog, const std::string& reference) {
  SandboxRecord record = VENEER_TRY(SandboxWithMachine(catalog, reference));
  if (record.state == SandboxState::kRunning) return record;
  return Fail(ErrorKind::kConflict, fmt::format("{} is {}", record.id, StateName(record.state)),
              "resume it first: veneer resume ID");
}

std::string MachineIsGone(const std::string& why) {
  return fmt::format("its machine ended: {}; its disk is safe, what was in memory is lost", why);
}

std::string MemoryIsLost(const Host& host, const SandboxRecord& record, const std::string& why) {
  return record.machine && !HasSavedMachine(host, record) ? MachineIsGone(why) : "";
}

Result<std::string> WhyMachineIsGone(const Host& host, const SandboxRecord& record) {
  if (!record.machine) return std::string();
  const VmStatus status = VENEER_TRY(host.vmm.Status(record.id));
  switch (status.presence) {
    case VmPresence::kRunning:
      return std::string();
    case VmPresence::kEnded:
      return status.reason;
    case VmPresence::kNone:
      return std::string("the host was restarted");
  }
  return std::string();
}

}  // namespace veneer
