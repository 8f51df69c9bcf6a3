// The virtual machine of a sandbox, between the verbs and the port (vm/vmm.h). The caller has the
// sandbox's lock, and its disk is attached.
//
// What there is of a machine that does not run is told by the files beside its store:
//
//   .state  .memory  .base
//     -       any     any    nothing: it boots
//     x        x       -     devices, and the memory in a file of its own
//     x        -       x     devices, and memory in a file that others share
//     x        -       -     devices and memory in one file
//
// A state is removed, durably, before the first instruction runs after it: no state is ever used
// with memory or a disk that have gone on without it. So where there is one nothing of the machine
// has run since, whoever was killed at what.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"
#include "sandbox/host.h"
#include "sandbox/step_clock.h"
#include "vm/vmm.h"

namespace veneer {

// What a machine is run with. Only looking it up needs the catalog: many may be run at once, each
// by a thread of its own.
struct MachinePlan {
  VmSpec spec;
  bool wakes = false;  // there is something to go on from
};
// kUsage: its template boots nothing. Precondition: it has a machine.
enum class Identity : std::uint8_t { kItsOwn, kNew };
Result<MachinePlan> PlanMachine(const Host& host, const SandboxRecord& record, Identity identity);

// Boots, or goes on from what was saved. Fills in how it runs, and what it goes on without. On
// failure it does not run; what was saved is still there unless it ran already.
Result<void> RunMachine(const Host& host, const MachinePlan& plan, SandboxRecord& record,
                        StepClock& clock);

// Saves it and ends it. On failure LetMachineGoOn has it run on. Yields why one that was not there
// any more had ended, and nothing for one that was saved, or for a disk without a machine.
Result<std::string> SaveMachine(const Host& host, const SandboxRecord& record, StepClock& clock);

// Has one go on whose saving or copying failed, or was cut short; nothing where none runs, or where
// it ran on all the while. Yields what it goes on without. On failure it stands still, or was saved
// and is yet to be ended (HasSavedMachine).
Result<std::vector<std::string>> LetMachineGoOn(const Host& host, const SandboxRecord& record);
// What a verb says that failed and could not even have the machine go on.
Error StandsStill(const Error& cause, const Error& why);

// A copy of a sandbox's machine for `to` (a sandbox or a template), of the moment at which
// `clone_disk` is called: its memory and state, where it runs or is saved, else nothing but the
// disk. One that runs stands still meanwhile.
struct MachineClone {
  std::chrono::duration<double, std::milli> held{};  // how long it stood still
  std::vector<std::string> warnings{};               // what it goes on without
};
Result<MachineClone> CloneMachine(const Host& host, const SandboxRecord& sandbox,
                                  const std::string& to,
                                  const std::function<Result<void>()>& clone_disk);

// The same memory and state for `to`; nothing where `from` has none. What is shared never changes.
Result<void> ShareMachine(const Host& host, const std::string& from, const std::string& to);

// Where the state that was cloned for `to` has its memory in it: moves that into a file which many
// can share. `sandbox` says what machine it is. Nobody uses the state meanwhile; one who is killed
// here leaves files for `to` that do not fit together.
Result<void> MakeMemoryShareable(const Host& host, const SandboxRecord& sandbox,
                                 const std::string& to);

// What such a clone takes of the file system, and making its memory shareable.
Bytes RoomForClone(const Host& host, const SandboxRecord& sandbox);

// What a machine that is a copy of another, or of its template, must have of its own.
Result<VmIdentity> NewIdentity(const std::string& host_name);

// Ends it as it is; nothing happens where there is none.
Result<void> EndMachine(const Host& host, const SandboxRecord& record);

// Whether there is something to go on from.
bool HasSavedMachine(const Host& host, const SandboxRecord& record);

// Its memory and state.
Result<void> ForgetMachine(const Host& host, const std::string& id);

// A sandbox that has a machine. kConflict where it is a disk alone.
Result<SandboxRecord> SandboxWithMachine(const Catalog& catalog, const std::string& reference);
// The same, and its machine runs.
Result<SandboxRecord> SandboxThatRuns(const Catalog& catalog, const std::string& reference);

// Nothing for a disk without a machine, and for a machine that runs; else why it does not.
Result<std::string> WhyMachineIsGone(const Host& host, const SandboxRecord& record);

// What a sandbox says whose machine ended by itself.
std::string MachineIsGone(const std::string& why);

// The same of one that does not run and was not resumed either, for this reason; nothing where what
// was saved is still there, or where there is no machine.
std::string MemoryIsLost(const Host& host, const SandboxRecord& record, const std::string& why);

}  // namespace veneer
