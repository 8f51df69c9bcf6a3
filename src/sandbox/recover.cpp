#include "sandbox/recover.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "base/zeros.h"
#include "catalog/object_lock.h"
#include "cow/check.h"
#include "format/header.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/remove_file.h"
#include "sandbox/lifecycle.h"
#include "sandbox/machine.h"
#include "sandbox/step_clock.h"
#include "sandbox/templates.h"

namespace veneer {
namespace {

const std::vector<SandboxState> kOnTheWay{SandboxState::kCreating, SandboxState::kPausing,
                                          SandboxState::kResuming, SandboxState::kDestroying};

class Recovery {
 public:
  explicit Recovery(const Host& host) : host_(host) {}

  Result<RecoverReport> Run(RecoverScope scope);

 private:
  // What became of it; nothing where it is as it should be.
  using Outcome = std::optional<std::string>;

  // Copies of machines that nobody works on any more.
  struct HalfMade {
    std::set<std::string> templates;  // of forks
    std::set<std::string> copied;     // sandboxes, for snapshots

    // Whether something of it may be a copy of this one.
    [[nodiscard]] bool MayBeOf(const SandboxRecord& from) const {
      return from.machine && (templates.contains(from.template_id) || copied.contains(from.id));
    }
  };

  bool Deserted(const std::string& id);
  HalfMade HalfMadeIn(const std::vector<SandboxRecord>& on_the_way,
                      const std::vector<IntentRecord>& intents);
  bool GoesOn(const SandboxRecord& machine);
  void LetMachinesGo(std::vector<SandboxRecord>& on_the_way, std::vector<IntentRecord>& intents);
  Result<std::vector<SandboxRecord>> Vanished();
  Result<std::vector<SandboxRecord>> Doubtful();
  void Visit(const SandboxRecord& seen);
  Result<Outcome> End(SandboxRecord& record);
  Result<bool> MayBeKnown(const SandboxRecord& record);
  Result<Outcome> EndCreating(SandboxRecord& record);
  Result<Outcome> EndPausing(SandboxRecord& record);
  Result<Outcome> EndRunning(SandboxRecord& record);
  Result<Outcome> Reconsider(SandboxRecord& record);
  Result<Outcome> Gone(const SandboxRecord& record);
  Result<Outcome> Become(SandboxRecord& record, SandboxState state, std::string reason);
  void EndIntent(const IntentRecord& intent);
  void Note(std::string_view kind, const std::string& id, const Result<Outcome>& ended);

  Host host_;
  RecoverReport report_;
};

// Reports and logs what became of one; nothing where nothing was to be done.
void Recovery::Note(std::string_view kind, const std::string& id, const Result<Outcome>& ended) {
  std::string object = fmt::format("{} {}", kind, id);
  LogEvent event{.verb = "recover", .object = id};
  if (!ended) {
    event.level = LevelOf(ended.error());
    event.outcome = KindName(ended.error().kind);
    event.detail = ended.error().what;
    report_.stuck.push_back({.object = std::move(object), .outcome = ended.error().what});
  } else if (*ended) {
    event.detail = **ended;
    report_.changed.push_back({.object = std::move(object), .outcome = **ended});
  } else {
    return;
  }
  host_.log.Write(event);
}

// Whether nobody works on it.
bool Recovery::Deserted(const std::string& id) {
  return ObjectLock::TryTake(host_.layout.locks(), id, "recover").has_value();
}

Result<bool> HasNoHeader(const File& store) {
  std::array<std::byte, kHeaderBytes> header{};
  if (VENEER_TRY(store.Size()) < Bytes(header.size())) return true;
  VENEER_TRY(store.ReadAt(ByteOffset(0), header));
  return AreZeros(header);
}

bool IsForkOfMachine(const SandboxRecord& record) {
  return record.state == SandboxState::kCreating && record.last_operation == "fork" &&
         record.machine.has_value();
}

Recovery::HalfMade Recovery::HalfMadeIn(const std::vector<SandboxRecord>& on_the_way,
                                        const std::vector<IntentRecord>& intents) {
  HalfMade half_made;
  for (const SandboxRecord& each : on_the_way) {
    if (IsForkOfMachine(each) && Deserted(each.id)) half_made.templates.insert(each.template_id);
  }
  for (const IntentRecord& each : intents) {
    if (!each.object.empty() && Deserted(each.id)) half_made.copied.insert(each.object);
  }
  return half_made;
}

// Whether it surely runs. One that somebody works on may not: that may be another recover, which
// fails.
bool Recovery::GoesOn(const SandboxRecord& machine) {
  const auto lock = ObjectLock::TryTake(host_.layout.locks(), machine.id, "recover");
  if (!lock) return false;
  const auto gone_on = LetMachineGoOn(host_, machine);
  if (!gone_on) Note("sandbox", machine.id, Fail(gone_on.error()));
  if (!gone_on) return false;
  for (const std::string& warning : *gone_on) {
    Note("sandbox", machine.id, Outcome(fmt::format("it goes on, but {}", warning)));
  }
  return true;
}

// Who was killed while it copied a machine has left that standing still, or frozen. A fork does not
// tell whose copy it is: it has its parent's template. What was half-made of a machine that does
// not go on stays, and is taken out of what is to be ended: the next one finds it, and tries again.
void Recovery::LetMachinesGo(std::vector<SandboxRecord>& on_the_way,
                             std::vector<IntentRecord>& intents) {
  const HalfMade half_made = HalfMadeIn(on_the_way, intents);
  if (half_made.templates.empty() && half_made.copied.empty()) return;
  const auto running = host_.catalog.SandboxesIn({SandboxState::kRunning});
  if (!running) return;  // and so cannot be found below, where that is told
  for (const SandboxRecord& each : *running) {
    if (!half_made.MayBeOf(each) || GoesOn(each)) continue;
    std::erase_if(on_the_way, [&](const SandboxRecord& made) {
      return IsForkOfMachine(made) && made.template_id == each.template_id;
    });
    std::erase_if(intents, [&](const IntentRecord& made) { return made.object == each.id; });
  }
}

// Those that are recorded as running whose disks nobody serves: one look at each backend in use.
Result<std::vector<SandboxRecord>> Recovery::Vanished() {
  std::vector<SandboxRecord> running =
      VENEER_TRY(host_.catalog.SandboxesIn({SandboxState::kRunning}));
  std::set<std::string> backends;
  for (const SandboxRecord& record : running) backends.insert(record.backend);
  std::set<std::string> served;
  for (const std::string& name : backends) {
    DiskBackend* const backend = VENEER_TRY(host_.backends.Named(name));
    auto attached = backend->Attached();
    if (!attached && attached.error().kind == ErrorKind::kUnsupported) continue;
    if (!attached) return Fail(attached.error());
    served.insert(attached->begin(), attached->end());
  }
  std::erase_if(running, [&](const auto& each) {
    if (!served.contains(each.path.value_or(""))) return false;
    const auto gone = WhyMachineIsGone(host_, each);
    return gone && gone->empty();
  });
  return running;
}

// Those whose files may have gone, or have come back.
Result<std::vector<SandboxRecord>> Recovery::Doubtful() {
  std::vector<SandboxRecord> found =
      VENEER_TRY(host_.catalog.SandboxesIn({SandboxState::kPaused, SandboxState::kFailed}));
  std::erase_if(found, [&](const SandboxRecord& each) {
    return each.state == SandboxState::kPaused && RequireFiles(host_, each);
  });
  return found;
}

Result<Recovery::Outcome> Recovery::Become(SandboxRecord& record, SandboxState state,
                                           std::string reason) {
  record.state = state;
  record.reason = std::move(reason);
  if (state != SandboxState::kRunning) record.path.reset();
  VENEER_TRY(host_.catalog.Update(record));
  return Outcome(record.reason.empty() ? std::string(StateName(state))
                                       : fmt::format("{}: {}", StateName(state), record.reason));
}

Result<Recovery::Outcome> Recovery::Gone(const SandboxRecord& record) {
  VENEER_TRY(Undo(host_, record));
  return Outcome("removed");
}

// Whether somebody may have been told of a sandbox that is recorded as on its way, because a power
// cut has taken what came of it: its store is there, and the host has been booted since or
// something was written to it. A command that was killed before its answer leaves an empty store,
// in this boot.
Result<bool> Recovery::MayBeKnown(const SandboxRecord& record) {
  if (!LastsFromTheBeginning(record)) return false;
  const auto store = LinuxFile::Open(host_.layout.Store(record.id), Access::kReadOnly);
  if (!store && store.error().kind == ErrorKind::kNotFound) return false;
  if (!store) return Fail(store.error());
  if (VENEER_TRY(HasNoHeader(**store))) return false;  // it was never synced
  if (record.boot_id != host_.boot_id()) return true;
  const CheckReport report =
      VENEER_TRY(CheckStore(**store, std::nullopt, [](const Fault& /*fault*/) {}));
  return report.exceptions > 0 || report.faults > 0;
}

Result<Recovery::Outcome> Recovery::EndCreating(SandboxRecord& record) {
  if (!VENEER_TRY(MayBeKnown(record))) return Gone(record);
  VENEER_TRY(EndDiskOf(host_, record));
  return Become(record, SandboxState::kPaused, std::string(kDiskIsGone));
}

Result<Recovery::Outcome> Recovery::EndPausing(SandboxRecord& record) {
  StepClock clock(host_.log, "recover", record.id);
  const Result<std::string> gone =
      HasSavedMachine(host_, record) ? std::string() : SaveMachine(host_, record, clock);
  if (!gone) {
    VENEER_TRY(LetMachineGoOn(host_, record));
    return Become(record, SandboxState::kRunning, "");
  }
  VENEER_TRY(EndMachine(host_, record));
  const auto detached = DetachDiskOf(host_, record);
  if (detached) {
    // Whoever found it ended before has written down how.
    const std::string why = gone->empty() ? "" : MachineIsGone(*gone);
    return Become(record, SandboxState::kPaused, record.reason.empty() ? why : record.reason);
  }
  if (record.machine) return Fail(detached.error());
  const bool busy = detached.error().kind == ErrorKind::kConflict && record.path;
  if (busy) return Become(record, SandboxState::kRunning, "");
  return Fail(detached.error());
}

// One whose disk or machine may have gone by itself.
Result<Recovery::Outcome> Recovery::EndRunning(SandboxRecord& record) {
  const bool attached = VENEER_TRY(IsAttached(host_, record));
  const std::string gone = VENEER_TRY(WhyMachineIsGone(host_, record));
  if (attached && gone.empty()) return Outcome();
  VENEER_TRY(EndMachineAndDisk(host_, record));
  // One that was recorded as running has run on without what may be here.
  if (record.machine) VENEER_TRY(RemoveDurably(host_.layout.State(record.id)));
  return Become(record, SandboxState::kPaused,
                attached ? MachineIsGone(gone) : std::string(kDiskIsGone));
}

// One that failed, or whose files have gone.
Result<Recovery::Outcome> Recovery::Reconsider(SandboxRecord& record) {
  const Result<void> files = RequireFiles(host_, record);
  if (files) {
    if (record.state == SandboxState::kPaused) return Outcome();
    VENEER_TRY(EndDiskOf(host_, record));
    return Become(record, SandboxState::kPaused, "");
  }
  if (record.state == SandboxState::kFailed && record.reason == files.error().what) {
    return Outcome();
  }
  return Become(record, SandboxState::kFailed, files.error().what);
}

Result<Recovery::Outcome> Recovery::End(SandboxRecord& record) {
  switch (record.state) {
    case SandboxState::kCreating:
      return EndCreating(record);
    case SandboxState::kDestroying:
      return Gone(record);
    case SandboxState::kPausing:
      return EndPausing(record);
    case SandboxState::kResuming:
      VENEER_TRY(EndMachineAndDisk(host_, record));
      return Become(record, SandboxState::kPaused,
                    MemoryIsLost(host_, record, "the command that resumed it was killed"));
    case SandboxState::kRunning:
      return EndRunning(record);
    case SandboxState::kPaused:
    case SandboxState::kFailed:
      return Reconsider(record);
  }
  return Outcome();
}

void Recovery::Visit(const SandboxRecord& seen) {
  auto lock = ObjectLock::TryTake(host_.layout.locks(), seen.id, "recover");
  if (!lock) return;  // somebody is at work
  auto record = host_.catalog.Sandbox(seen.id);
  if (!record) {
    std::move(*lock).Forget();
    return;
  }
  const Result<Outcome> ended = End(*record);
  Note("sandbox", seen.id, ended);
  if (ended && !host_.catalog.Sandbox(seen.id)) std::move(*lock).Forget();
}

void Recovery::EndIntent(const IntentRecord& intent) {
  auto lock = ObjectLock::TryTake(host_.layout.locks(), intent.id, "recover");
  if (!lock) return;
  // It may have been finished between our look and the lock.
  const auto intents = host_.catalog.Intents();
  const bool still = intents && std::ranges::any_of(*intents, [&](const IntentRecord& each) {
                       return each.id == intent.id;
                     });
  if (!still) return;
  const Result<void> undone = Templates(host_).Undo(intent.id);
  if (undone) std::move(*lock).Forget();
  Note("template", intent.id,
       undone ? Result<Outcome>(Outcome("removed: it was not finished")) : Fail(undone.error()));
}

Result<RecoverReport> Recovery::Run(RecoverScope scope) {
  std::vector<SandboxRecord> found = VENEER_TRY(host_.catalog.SandboxesIn(kOnTheWay));
  std::vector<IntentRecord> intents = VENEER_TRY(host_.catalog.Intents());
  // First of all: a disk or a machine that a killed command held still keeps everybody waiting.
  const bool any = !found.empty() || !intents.empty();
  if (any || scope == RecoverScope::kEverything) VENEER_TRY(host_.collect(GcMode::kRemove));
  LetMachinesGo(found, intents);
  for (const SandboxRecord& record : VENEER_TRY(Vanished())) found.push_back(record);
  if (scope == RecoverScope::kEverything) {
    for (const SandboxRecord& record : VENEER_TRY(Doubtful())) found.push_back(record);
  }
  for (const SandboxRecord& record : found) Visit(record);
  for (const IntentRecord& intent : intents) EndIntent(intent);
  return std::move(report_);
}

}  // namespace

Result<RecoverReport> Recover(const Host& host, RecoverScope scope) {
  if (scope == RecoverScope::kQuick) return Recovery(host).Run(scope);
  return StepClock(host.log, "recover", "").Whole([&] { return Recovery(host).Run(scope); });
}

}  // namespace veneer
