// Lifecycle::Fork.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "catalog/ids.h"
#include "cow/clone.h"
#include "images/space.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/lifecycle.h"

namespace veneer {
namespace {

constexpr unsigned kMostForks = 1000;
constexpr std::size_t kMostAtOnce = 8;

struct Forks {
  std::vector<SandboxRecord> records;
  std::vector<ObjectLock> locks;
};

// New sandboxes like the parent, each locked, none recorded yet.
Result<Forks> Plan(const Host& host, const SandboxRecord& parent,
                   const std::vector<std::string>& ids) {
  Forks forks;
  for (const std::string& id : ids) {
    SandboxRecord record{.id = id,
                         .template_id = parent.template_id,
                         .state = SandboxState::kCreating,
                         .backend = parent.backend,
                         .export_way = parent.export_way,
                         .size = parent.size,
                         .last_operation = "fork",
                         .created_at = host.now(),
                         .machine = parent.machine};
    record.name = record.id;
    forks.locks.push_back(VENEER_TRY(ObjectLock::Take(host.layout.locks(), record.id, "fork")));
    forks.records.push_back(std::move(record));
  }
  return forks;
}

Result<void> RequireForks(std::size_t count) {
  if (count > 0 && count <= kMostForks) return {};
  return Fail(ErrorKind::kUsage, fmt::format("cannot make {} forks", count),
              fmt::format("--count is from 1 to {}", kMostForks));
}

// What the clones take at once. Memory is copied once, whatever their number.
Result<Bytes> RoomFor(const Host& host, const SandboxRecord& parent, std::size_t count) {
  const Bytes memory = RoomForClone(host, parent);
  if (TrySharing(host.layout.sandboxes())) return memory;
  const auto store = VENEER_TRY(LinuxFile::Open(host.layout.Store(parent.id), Access::kReadOnly));
  const Bytes data = VENEER_TRY(store->AllocatedBytes());
  return Bytes(data.value() * count) + memory;
}

using Milliseconds = std::chrono::duration<double, std::milli>;

// The parent's store at one moment, as the file `to`. Yields how long the parent was held.
Result<Milliseconds> CloneStoreOf(const Host& host, const SandboxRecord& parent,
                                  const std::string& to) {
  if (parent.state == SandboxState::kRunning) {
    DiskBackend* const backend = VENEER_TRY(host.backends.Named(parent.backend));
    const StoreClone clone = VENEER_TRY(backend->CloneStore(parent.path.value_or(""), to));
    return clone.held;
  }
  const auto store = VENEER_TRY(LinuxFile::Open(host.layout.Store(parent.id), Access::kReadOnly));
  VENEER_TRY(store->TryLock(LinuxFile::Lock::kShared));
  VENEER_TRY(CloneFile(*store, to));
  return Milliseconds(0);
}

// Disk and machine of one moment, for `to`.
Result<MachineClone> CloneParent(const Host& host, const SandboxRecord& parent,
                                 const std::string& to) {
  Milliseconds held{};
  const auto clone_store = [&]() -> Result<void> {
    held = VENEER_TRY(CloneStoreOf(host, parent, host.layout.Store(to)));
    return {};
  };
  MachineClone clone = VENEER_TRY(CloneMachine(host, parent, to, clone_store));
  clone.held = std::max(held, clone.held);
  return clone;
}

// All at once, each by a thread of its own: they wait for their guests, and not for each other.
Result<void> RunMachines(const Host& host, std::vector<SandboxRecord>& forks,
                         std::vector<StepClock>& clocks) {
  std::vector<MachinePlan> plans;
  plans.reserve(forks.size());
  for (const SandboxRecord& fork : forks) {
    plans.push_back(VENEER_TRY(PlanMachine(host, fork, Identity::kNew)));
  }
  std::vector<Result<void>> ran(forks.size());
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t n = 0; n < std::min(forks.size(), kMostAtOnce); ++n) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < forks.size(); at = next++) {
          ran[at] = RunMachine(host, plans[at], forks[at], clocks[at]);
        }
      });
    }
  }
  for (const Result<void>& each : ran) VENEER_TRY(each);
  return {};
}

}  // namespace

Result<std::vector<SandboxRecord>> Lifecycle::Fork(const std::string& reference, unsigned count) {
  StepClock clock(host_.log, "fork", reference);
  return clock.Whole([&]() -> Result<std::vector<SandboxRecord>> {
    VENEER_TRY(RequireForks(count));
    std::vector<std::string> ids;
    ids.reserve(count);
    for (unsigned n = 0; n < count; ++n) ids.push_back(VENEER_TRY(NewId(kSandboxPrefix)));
    return ForkOne(reference, ids, clock);
  });
}

Result<std::vector<SandboxRecord>> Lifecycle::Fork(const std::string& reference,
                                                   const std::vector<std::string>& ids) {
  StepClock clock(host_.log, "fork", reference);
  return clock.Whole([&] { return ForkOne(reference, ids, clock); });
}

Result<std::vector<SandboxRecord>> Lifecycle::ForkOne(const std::string& reference,
                                                      const std::vector<std::string>& ids,
                                                      StepClock& clock) {
  VENEER_TRY(RequireForks(ids.size()));
  const ClaimedSandbox parent = VENEER_TRY(Claim(host_, reference, Verb::kFork));
  clock.Name(parent.record.id);
  const Bytes needed = VENEER_TRY(RoomFor(host_, parent.record, ids.size()));
  VENEER_TRY(RequireRoom(host_.layout.sandboxes(), needed, host_.reserve));
  Forks forks = VENEER_TRY(Plan(host_, parent.record, ids));
  VENEER_TRY(clock.Time("record",
                        [&] { return host_.catalog.Add(forks.records, Lasting::kWithTheNext); }));
  const Result<void> filled = FillForks(parent.record, forks.records, clock);
  if (filled) return std::move(forks.records);
  // What was half-made tells recover that the parent may stand still: it stays where it does.
  const auto goes_on = clock.Time("go on", [&] { return LetMachineGoOn(host_, parent.record); });
  if (!goes_on) return Fail(StandsStill(filled.error(), goes_on.error()));
  for (std::size_t n = 0; n < forks.records.size(); ++n) {
    const Result<void> forgotten =
        clock.Time("undo", [&] { return Undo(host_, forks.records[n]); });
    if (forgotten) std::move(forks.locks[n]).Forget();  // else recover does it
  }
  return Fail(filled.error());
}

// The first is the parent's clone; the others are clones of it, which nobody waits for.
Result<void> Lifecycle::FillForks(const SandboxRecord& parent, std::vector<SandboxRecord>& forks,
                                  StepClock& clock) {
  std::vector<StepClock> clocks;
  clocks.reserve(forks.size());
  for (const SandboxRecord& fork : forks) clocks.emplace_back(host_.log, "fork", fork.id);
  const std::string first = forks.front().id;
  const MachineClone clone =
      VENEER_TRY(clocks.front().Time("clone", [&] { return CloneParent(host_, parent, first); }));
  clocks.front().Note("held", clone.held);
  for (const std::string& warning : clone.warnings) {
    forks.front().warnings.push_back(fmt::format("{}: {}", parent.id, warning));
  }
  // One alone shares with nobody: it reads the memory by itself.
  if (parent.machine && forks.size() > 1) {
    VENEER_TRY(clocks.front().Time("share memory",
                                   [&] { return MakeMemoryShareable(host_, parent, first); }));
  }
  const auto store = VENEER_TRY(LinuxFile::Open(host_.layout.Store(first), Access::kReadOnly));
  for (std::size_t n = 1; n < forks.size(); ++n) {
    VENEER_TRY(clocks[n].Time("clone",
                              [&] { return CloneFile(*store, host_.layout.Store(forks[n].id)); }));
    VENEER_TRY(ShareMachine(host_, first, forks[n].id));
  }
  // Not before all are there: an attached store changes.
  for (std::size_t n = 0; n < forks.size(); ++n) {
    VENEER_TRY(WithDisk(forks[n], clocks[n]));
  }
  if (parent.machine) VENEER_TRY(RunMachines(host_, forks, clocks));
  for (std::size_t n = 0; n < forks.size(); ++n) {
    forks[n].timings = clocks[n].steps();
    forks[n].state = SandboxState::kRunning;
  }
  // At once: whoever is killed before has made none.
  return clock.Time("settle", [&] { return host_.catalog.Update(forks); });
}

}  // namespace veneer
