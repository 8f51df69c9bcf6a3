#include "sandbox/lifecycle.h"

#include <fmt/format.h>

#include <future>
#include <string_view>
#include <utility>

#include "base/size_text.h"
#include "catalog/ids.h"
#include "cow/create.h"
#include "images/space.h"

namespace veneer {
namespace {

// What a new sandbox takes at once: a header, a first area, and what SQLite writes.
constexpr Bytes kLittle = MiB(1);

// Records that it stands in this state, and why.
Result<void> Settle(const Host& host, SandboxRecord& record, SandboxState state,
                    std::string reason = {}, Lasting lasting = Lasting::kAtOnce) {
  record.state = state;
  record.reason = std::move(reason);
  if (state != SandboxState::kRunning) record.path.reset();
  return host.catalog.Update(record, lasting);
}

// What is recorded becomes durable while something else is done, or, without another thread, when
// it is waited for.
std::future<Result<void>> SyncMeanwhile(const Catalog& catalog) {
  return std::async([&] { return catalog.Sync(); });
}

// kUsage for a machine that the template cannot boot, or that no machine is.
Result<void> RequireMachine(const TemplateRecord& from,
                            const std::optional<MachineRecord>& machine) {
  if (!machine) return {};
  if (!from.boot) {
    return Fail(ErrorKind::kUsage, fmt::format("the template {} boots nothing", from.name),
                "make one that does: veneer template build, or template import --kernel");
  }
  constexpr unsigned kMostCpus = 64;
  if (machine->cpus == 0 || machine->cpus > kMostCpus) {
    return Fail(ErrorKind::kUsage, fmt::format("--cpus {}", machine->cpus), "it is from 1 to 64");
  }
  if (machine->memory < MiB(64) || machine->memory > GiB(1024) ||
      machine->memory % MiB(1) != Bytes(0)) {
    return Fail(ErrorKind::kUsage, "the machine's memory is no whole number of MiB from 64 on",
                "--memory 256M is usual");
  }
  return {};
}

// kUsage where a machine is asked for that the saved one is not: that goes on as it is. What is
// usual was not asked for.
Result<void> RequireSame(const TemplateRecord& from, const MachineRecord& asked) {
  const MachineRecord usual{.memory = kUsualMemory, .network = std::string(kUsualNetwork)};
  const MachineRecord& saved = *from.machine;
  const bool same = (asked.memory == usual.memory || asked.memory == saved.memory) &&
                    (asked.cpus == usual.cpus || asked.cpus == saved.cpus) &&
                    (asked.network == usual.network || asked.network == saved.network);
  if (same) return {};
  return Fail(
      ErrorKind::kUsage,
      fmt::format("the machine of template {} goes on as it was saved: {} of memory, {} CPUs, "
                  "network {}",
                  from.name, FormatSize(saved.memory), saved.cpus, saved.network),
      "leave memory, cpus and net out");
}

// Why it is paused, where that is more than somebody's wish. A machine that was saved had flushed
// all that it wrote: nothing is lost with its disk after that.
std::string WhyPaused(const SandboxRecord& record, const std::string& gone, Detached detached) {
  const bool saved = record.machine && gone.empty();
  if (detached == Detached::kWasGone && !saved) {
    return std::string(kDiskIsGone);
  }
  return gone.empty() ? "" : MachineIsGone(gone);
}

void BeginOperation(SandboxRecord& record, std::string_view name, SandboxState state) {
  record.last_operation = name;
  record.timings.clear();
  record.state = state;
}

}  // namespace

Result<SandboxRecord> Lifecycle::Create(const CreateRequest& request) {
  StepClock clock(host_.log, "create", request.name);
  return clock.Whole([&] { return Make(request, clock); });
}

Result<SandboxRecord> Lifecycle::Make(const CreateRequest& request, StepClock& clock) {
  const TemplateRecord from = VENEER_TRY(host_.catalog.Template(request.template_reference));
  const Bytes size = request.size.value_or(from.image.size);
  const DiskBackend* const backend =
      VENEER_TRY(host_.backends.Choose(request.backend, request.export_kind));
  SandboxRecord record{.id = request.id.empty() ? VENEER_TRY(NewId(kSandboxPrefix)) : request.id,
                       .template_id = from.id,
                       .backend = std::string(BackendName(backend->kind())),
                       .export_way = std::string(ExportName(request.export_kind)),
                       .size = size,
                       .created_at = host_.now(),
                       .boot_id = host_.boot_id(),
                       .machine = request.machine};
  VENEER_TRY(RequireMachine(from, request.machine));
  // A saved machine goes on as it is, on the disk that it knows.
  const bool warm = request.machine && from.machine && size == from.image.size;
  if (warm) {
    VENEER_TRY(RequireSame(from, *request.machine));
    record.machine = from.machine;
  }
  // A guest that finds no block for its memory is killed. What goes on from a saved machine keeps
  // what it changes in RAM.
  const Bytes memory = request.machine && !warm ? request.machine->memory : Bytes(0);
  VENEER_TRY(RequireRoom(host_.layout.sandboxes(), kLittle + memory, host_.reserve));
  if (!request.name.empty()) VENEER_TRY(RequireName(request.name));
  record.name = request.name.empty() ? record.id : request.name;
  clock.Name(record.id);
  ObjectLock lock = VENEER_TRY(ObjectLock::Take(host_.layout.locks(), record.id, "create"));
  BeginOperation(record, kCreate, SandboxState::kCreating);
  // It lasts before the answer (StartNew). A cut that takes it leaves a file that nobody owns, and
  // nobody was told of: gc removes it.
  auto begun =
      clock.Time("record", [&] { return host_.catalog.Add(record, Lasting::kWithTheNext); });
  if (!begun) {
    std::move(lock).Forget();
    return Fail(begun.error());
  }
  auto made = clock.Time("store", [&]() -> Result<UnsyncedFile> {
    auto store = VENEER_TRY(CreateUnsyncedStore(
        host_.layout.Store(record.id),
        {.chunk_size = ChunkSize{}, .origin_size = from.image.size, .disk_size = size}));
    if (warm) VENEER_TRY(ShareMachine(host_, from.id, record.id));
    return store;
  });
  const Result<void> started = made ? StartNew(record, *made, clock) : Fail(made.error());
  if (started) return record;
  const Result<void> undone = clock.Time("undo", [&] { return Undo(host_, record); });
  if (undone) std::move(lock).Forget();  // else recover does it
  return Fail(started.error());
}

// On failure it does not run.
Result<void> Lifecycle::RunMachineOf(SandboxRecord& record, Identity identity, StepClock& clock) {
  if (!record.machine) return {};
  const MachinePlan plan = VENEER_TRY(PlanMachine(host_, record, identity));
  return RunMachine(host_, plan, record, clock);
}

// Verifies, and attaches.
Result<void> Lifecycle::WithDisk(SandboxRecord& record, StepClock& clock) {
  VENEER_TRY(clock.Time("verify", [&] { return RequireFiles(host_, record); }));
  record.path = VENEER_TRY(clock.Time("attach", [&] { return AttachDiskOf(host_, record); }));
  return {};
}

// The same, and runs the machine; that it runs is yet to be recorded. On failure disk and machine
// may be there: whoever calls it ends them.
Result<void> Lifecycle::Attached(SandboxRecord& record, StepClock& clock) {
  const bool as_itself = record.last_operation == VerbName(Verb::kResume);
  VENEER_TRY(WithDisk(record, clock));
  VENEER_TRY(RunMachineOf(record, as_itself ? Identity::kItsOwn : Identity::kNew, clock));
  record.timings = clock.steps();
  return {};
}

// The same, and records it. A machine that went on from its memory is not to lose that because it
// cannot be written down that it runs.
Result<void> Lifecycle::Start(SandboxRecord& record, Lasting lasting, StepClock& clock) {
  VENEER_TRY(Attached(record, clock));
  const Result<void> settled = clock.Time(
      "settle", [&] { return Settle(host_, record, SandboxState::kRunning, "", lasting); });
  if (!settled) SaveMachine(host_, record, clock).Ignore("then its memory is lost, which is told");
  return settled;
}

// The same with a store and a record that are not durable yet: they become so while the disk is
// attached, which takes about as long.
Result<void> Lifecycle::StartNew(SandboxRecord& record, UnsyncedFile& store, StepClock& clock) {
  std::future<Result<void>> begun = SyncMeanwhile(host_.catalog);
  std::future<Result<void>> durable = std::async([&] { return store.Sync(); });
  const Result<void> attached = Attached(record, clock);
  const Result<void> synced = clock.Time("sync", [&]() -> Result<void> {
    VENEER_TRY(durable.get());
    return begun.get();
  });
  VENEER_TRY(attached);
  VENEER_TRY(synced);
  record.timings = clock.steps();
  const Lasting lasting = LastsFromTheBeginning(record) ? Lasting::kWithTheNext : Lasting::kAtOnce;
  return clock.Time("settle",
                    [&] { return Settle(host_, record, SandboxState::kRunning, "", lasting); });
}

Result<SandboxRecord> Lifecycle::Pause(const std::string& reference) {
  StepClock clock(host_.log, "pause", reference);
  return clock.Whole([&] { return PauseOne(reference, clock); });
}

Result<SandboxRecord> Lifecycle::PauseOne(const std::string& reference, StepClock& clock) {
  ClaimedSandbox claimed = VENEER_TRY(Claim(host_, reference, Verb::kPause));
  SandboxRecord& record = claimed.record;
  clock.Name(record.id);
  BeginOperation(record, "pause", claimed.through);
  // After a power cut on the way it is paused, whichever of the two is found.
  VENEER_TRY(
      clock.Time("record", [&] { return host_.catalog.Update(record, Lasting::kWithTheNext); }));
  const Result<std::string> gone = SaveMachine(host_, record, clock);
  if (!gone) return Fail(NotSaved(record, gone.error(), clock));
  const auto detached = clock.Time("detach", [&] { return DetachDiskOf(host_, record); });
  record.timings = clock.steps();
  if (!detached && record.machine) {
    // One that had ended by itself is not booted by a pause: recover ends that once its disk is
    // free.
    if (!gone->empty()) return Fail(StaysPausing(record, MachineIsGone(*gone), detached.error()));
    return Fail(PausedWithoutDetach(record, detached.error(), clock));
  }
  if (!detached) {
    clock.Time("undo", [&] { return Settle(host_, record, SandboxState::kRunning); })
        .Ignore("recover does it");
    return Fail(detached.error());
  }
  VENEER_TRY(clock.Time("settle", [&] {
    return Settle(host_, record, SandboxState::kPaused, WhyPaused(record, *gone, *detached));
  }));
  return record;
}

Result<SandboxRecord> Lifecycle::Resume(const std::string& reference,
                                        std::optional<BackendChoice> backend) {
  StepClock clock(host_.log, "resume", reference);
  return clock.Whole([&] { return ResumeOne(reference, backend, clock); });
}

Result<SandboxRecord> Lifecycle::ResumeOne(const std::string& reference,
                                           std::optional<BackendChoice> backend, StepClock& clock) {
  ClaimedSandbox claimed = VENEER_TRY(Claim(host_, reference, Verb::kResume));
  SandboxRecord& record = claimed.record;
  clock.Name(record.id);
  const BackendChoice before = VENEER_TRY(BackendChoiceNamed(record.backend));
  const BackendChoice wanted = backend.value_or(before);
  // By NBD again, unless the kernel's way is wanted, which has none.
  const ExportKind export_kind =
      wanted == BackendChoice::kDm ? ExportKind::kFuse : VENEER_TRY(ExportOf(record));
  auto chosen = host_.backends.Choose(wanted, export_kind);
  if (!chosen && !backend) chosen = host_.backends.Choose(BackendChoice::kAuto);
  if (!chosen) return Fail(chosen.error());
  record.backend = BackendName((*chosen)->kind());
  // It goes on without what this tells of, and from now on nothing else tells it.
  if (!record.reason.empty()) record.warnings.push_back(record.reason);
  BeginOperation(record, "resume", claimed.through);
  // After a power cut it is paused, whatever is found. But a memory that a machine has gone on from
  // must not be taken for that of its disk.
  const Lasting lasting = record.machine ? Lasting::kAtOnce : Lasting::kWithTheNext;
  VENEER_TRY(clock.Time("record", [&] { return host_.catalog.Update(record, lasting); }));
  const Result<void> started = Start(record, lasting, clock);
  if (started) return record;
  return Fail(NotResumed(record, started.error(), clock));
}

// What is recorded as paused has nothing in the kernel and no process.
Error Lifecycle::NotResumed(SandboxRecord& record, const Error& cause, StepClock& clock) {
  const Result<void> ended = clock.Time("undo", [&] { return EndMachineAndDisk(host_, record); });
  if (!ended) {
    Error told = cause;
    told.what = fmt::format("{}; it cannot be ended yet: {}", cause.what, ended.error().what);
    return told;  // it stays on the way: recover ends it
  }
  const Result<void> files = RequireFiles(host_, record);
  const bool broken = !files && files.error().kind == ErrorKind::kCorrupt;
  record.timings = clock.steps();
  const SandboxState after = broken ? SandboxState::kFailed : SandboxState::kPaused;
  const std::string reason = broken ? files.error().what : MemoryIsLost(host_, record, cause.what);
  clock.Time("settle", [&] { return Settle(host_, record, after, reason); })
      .Ignore("recover does it; the cause is what matters");
  return cause;
}

// It is recorded as running only where it surely runs.
Error Lifecycle::NotSaved(SandboxRecord& record, const Error& cause, StepClock& clock) {
  const auto runs = clock.Time("undo", [&] { return LetMachineGoOn(host_, record); });
  record.timings = clock.steps();
  if (runs) {
    Settle(host_, record, SandboxState::kRunning).Ignore("recover does it");
    return cause;
  }
  return StandsStill(cause, runs.error());  // it stays on the way: recover tries again
}

// It stays on the way, and will be paused for this reason: recover does it.
Error Lifecycle::StaysPausing(SandboxRecord& record, const std::string& reason,
                              const Error& cause) {
  record.reason = reason;
  host_.catalog.Update(record).Ignore("recover finds another reason; the cause is what matters");
  return cause;
}

// Its disk is held by somebody else, and its machine is saved: it goes on from there.
Error Lifecycle::PausedWithoutDetach(SandboxRecord& record, const Error& cause, StepClock& clock) {
  const Result<void> runs = RunMachineOf(record, Identity::kItsOwn, clock);
  if (runs) {
    Settle(host_, record, SandboxState::kRunning).Ignore("recover does it");
    return cause;
  }
  return StandsStill(cause, runs.error());  // recover pauses it once its disk is free
}

// Where its machine cannot be ended the sandbox is recorded as it was.
Result<void> Lifecycle::EndMachineOrReturnTo(const SandboxRecord& before) {
  Result<void> ended = EndMachine(host_, before);
  if (!ended) {
    host_.catalog.Update(before).Ignore("recover does it; the cause is what matters");
  }
  return ended;
}

Result<void> Lifecycle::Destroy(const std::string& reference, DestroyMode mode) {
  StepClock clock(host_.log, "destroy", reference);
  return clock.Whole([&] { return DestroyOne(reference, mode, clock); });
}

Result<void> Lifecycle::DestroyOne(const std::string& reference, DestroyMode mode,
                                   StepClock& clock) {
  ClaimedSandbox claimed = VENEER_TRY(Claim(host_, reference, Verb::kDestroy));
  SandboxRecord& record = claimed.record;
  clock.Name(record.id);
  const SandboxRecord before = record;
  BeginOperation(record, "destroy", claimed.through);
  VENEER_TRY(
      clock.Time("record", [&] { return host_.catalog.Update(record, Lasting::kWithTheNext); }));
  std::future<Result<void>> begun = SyncMeanwhile(host_.catalog);
  // What is written to it is of no more use, and its users are to end.
  if (before.state == SandboxState::kRunning) LetWritersGo(host_, record, kToEnd);
  if (record.machine) {
    VENEER_TRY(clock.Time("stop", [&] { return EndMachineOrReturnTo(before); }));
  }
  const auto detached = clock.Time("detach", [&] { return DetachDiskOf(host_, record); });
  const bool give_up =
      mode == DestroyMode::kForce && !detached && detached.error().kind != ErrorKind::kConflict;
  const bool gone = detached || (give_up && !VENEER_TRY(IsAttached(host_, record)));
  if (!gone) {
    clock.Time("undo", [&] { return host_.catalog.Update(before); })
        .Ignore("recover does it; the cause is what matters");
    LetWritersGo(host_, record, std::chrono::seconds(0));
    return Fail(detached.error());
  }
  // No file goes before it is sure that the sandbox does. Then recover ends it, if need be.
  VENEER_TRY(clock.Time("sync", [&] { return begun.get(); }));
  VENEER_TRY(clock.Time("remove", [&] { return Forget(host_, record, Lasting::kWithTheNext); }));
  std::move(claimed.lock).Forget();
  return {};
}

}  // namespace veneer
