#include "sandbox/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "catalog/ids.h"
#include "catalog/object_lock.h"
#include "cow/clone.h"
#include "cow/flatten.h"
#include "images/space.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/lifecycle.h"
#include "sandbox/machine.h"
#include "sandbox/step_clock.h"

namespace veneer {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

Result<Bytes> RoomFor(const Host& host, const SandboxRecord& sandbox) {
  Bytes needed = RoomForClone(host, sandbox);
  if (TrySharing(host.layout.templates())) return needed;
  for (const std::string& path :
       {host.layout.Image(sandbox.template_id), host.layout.Store(sandbox.id)}) {
    const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
    needed += VENEER_TRY(file->AllocatedBytes());
  }
  return needed;
}

// The store that is to be flattened, with a shared lock: a paused sandbox's own, else a clone.
struct StillStore {
  std::unique_ptr<LinuxFile> file;
  Milliseconds held{};
  std::vector<std::string> warnings{};
};
Result<StillStore> HoldStill(const Host& host, const SandboxRecord& sandbox,
                             const std::string& made) {
  StillStore still;
  std::string path = host.layout.Store(sandbox.id);
  const std::string clone = host.layout.SnapshotStore(made);
  const auto clone_disk = [&]() -> Result<void> {
    if (sandbox.state != SandboxState::kRunning) return {};
    DiskBackend* const backend = VENEER_TRY(host.backends.Named(sandbox.backend));
    still.held = VENEER_TRY(backend->CloneStore(sandbox.path.value_or(""), clone)).held;
    path = clone;
    return {};
  };
  MachineClone machine = VENEER_TRY(CloneMachine(host, sandbox, made, clone_disk));
  still.held = std::max(still.held, machine.held);
  still.warnings = std::move(machine.warnings);
  still.file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  VENEER_TRY(still.file->TryLock(LinuxFile::Lock::kShared));
  return still;
}

class Snapshotting {
 public:
  Snapshotting(const Host& host, const SandboxRecord& sandbox, TemplateRecord made)
      : host_(host), sandbox_(sandbox), made_(std::move(made)) {}

  // Of an intent that has begun.
  Result<Snapshot> Run(const IntentRecord& intent, StepClock& clock, const Progress& progress);

 private:
  Result<void> Flatten(const LinuxFile& store, const Progress& progress);
  Result<void> TakeOverMachine();

  Host host_;
  const SandboxRecord& sandbox_;
  TemplateRecord made_;
};

Result<void> Snapshotting::Flatten(const LinuxFile& store, const Progress& progress) {
  const auto origin =
      VENEER_TRY(LinuxFile::Open(host_.layout.Image(sandbox_.template_id), Access::kReadOnly));
  VENEER_TRY(veneer::Flatten(*origin, store, host_.layout.Image(made_.id), {.progress = progress}));
  return {};
}

// What the sandbox's template boots, this one boots too; and where the sandbox's machine was
// copied, it starts from there.
Result<void> Snapshotting::TakeOverMachine() {
  const TemplateRecord from = VENEER_TRY(host_.catalog.Template(sandbox_.template_id));
  VENEER_TRY(Templates(host_).ShareBootFiles(from, made_));
  std::error_code error;
  const bool copied = std::filesystem::exists(host_.layout.State(made_.id), error);
  if (copied) made_.machine = sandbox_.machine;
  return {};
}

Result<Snapshot> Snapshotting::Run(const IntentRecord& intent, StepClock& clock,
                                   const Progress& progress) {
  const std::string clone = host_.layout.SnapshotStore(made_.id);
  VENEER_TRY(clock.Time("verify", [&] { return RequireFiles(host_, sandbox_); }));
  StillStore still =
      VENEER_TRY(clock.Time("clone", [&] { return HoldStill(host_, sandbox_, made_.id); }));
  if (sandbox_.machine) {
    VENEER_TRY(
        clock.Time("share memory", [&] { return MakeMemoryShareable(host_, sandbox_, made_.id); }));
  }
  VENEER_TRY(TakeOverMachine());
  VENEER_TRY(clock.Time("flatten", [&] { return Flatten(*still.file, progress); }));
  std::error_code error;
  std::filesystem::remove(clone, error);
  if (error) return FailErrno(error.value(), fmt::format("remove {}", clone));
  Templates templates(host_);
  TemplateRecord finished =
      VENEER_TRY(clock.Time("digest", [&] { return templates.Finish(made_, intent, progress); }));
  return Snapshot{.record = std::move(finished),
                  .held = still.held,
                  .timings = clock.steps(),
                  .warnings = std::move(still.warnings)};
}

// `made`: the name that it is to have, and its id, if that is chosen already.
Result<Snapshot> Take(const Host& host, const std::string& sandbox, TemplateRecord made,
                      StepClock& clock, const Progress& progress) {
  VENEER_TRY(RequireName(made.name));
  const auto taken = host.catalog.Template(made.name);
  if (taken && taken->name == made.name) {
    return Fail(ErrorKind::kConflict, fmt::format("a template {} exists", made.name),
                "choose another name, or remove that one first");
  }
  const ClaimedSandbox claimed = VENEER_TRY(Claim(host, sandbox, Verb::kSnapshot));
  clock.Name(claimed.record.id);
  const Bytes needed = VENEER_TRY(RoomFor(host, claimed.record));
  VENEER_TRY(RequireRoom(host.layout.templates(), needed, host.reserve));
  if (made.id.empty()) made.id = VENEER_TRY(NewId(kTemplatePrefix));
  made.kind = TemplateKind::kSnapshot;
  made.made_from = claimed.record.id;
  ObjectLock lock = VENEER_TRY(ObjectLock::Take(host.layout.locks(), made.id, "snapshot"));
  const IntentRecord intent{
      .id = made.id, .verb = "snapshot", .object = claimed.record.id, .began_at = host.now()};
  const Result<void> begun = clock.Time("record", [&] { return host.catalog.Begin(intent); });
  if (!begun) {
    // What an earlier one with this id has left is not undone: it may be kept for recover.
    std::move(lock).Forget();
    return Fail(begun.error());
  }
  auto snapshot = Snapshotting(host, claimed.record, made).Run(intent, clock, progress);
  if (snapshot) return snapshot;
  // What was half-made tells recover that the sandbox may stand still: it stays where it does.
  const auto goes_on = clock.Time("go on", [&] { return LetMachineGoOn(host, claimed.record); });
  if (!goes_on) return Fail(StandsStill(snapshot.error(), goes_on.error()));
  const Result<void> undone = clock.Time("undo", [&] { return Templates(host).Undo(made.id); });
  if (undone) std::move(lock).Forget();  // else recover does it
  return snapshot;
}

}  // namespace

Result<Snapshot> TakeSnapshot(const Host& host, const std::string& sandbox, const std::string& name,
                              const Progress& progress, const std::string& id) {
  StepClock clock(host.log, "snapshot", sandbox);
  return clock.Whole(
      [&] { return Take(host, sandbox, {.id = id, .name = name}, clock, progress); });
}

}  // namespace veneer
