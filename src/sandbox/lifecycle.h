// Lifecycle: create, pause, resume, destroy and fork sandboxes.
//
// Every verb records what it is about to do (the state on the way), does it, and records what came
// of it; a verb that is killed in between is ended by Recover (recover.h). It has the sandbox's
// lock meanwhile, and logs each step and its end. A verb that fails leaves the sandbox as it was,
// or says kFailed in its state. The disk's path comes and goes with its attachment; what a program
// flushed to it is never lost.
//
// References are ids, names or beginnings of ids. All verbs block until done: as Attach and Detach
// of DiskBackend do. kNotFound: no such sandbox or template; kConflict: not legal in its state, a
// name that is taken, a disk in use, or another process works on it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "catalog/object_lock.h"
#include "catalog/records.h"
#include "kernel/linux/new_file.h"
#include "sandbox/backend_set.h"
#include "sandbox/host.h"
#include "sandbox/machine.h"
#include "sandbox/step_clock.h"
#include "sandbox/transitions.h"

namespace veneer {

// Of a machine, where nothing else is asked for.
constexpr Bytes kUsualMemory = MiB(256);
constexpr std::string_view kUsualNetwork = "none";

// As the name of an operation.
constexpr std::string_view kCreate = "create";

struct CreateRequest {
  std::string template_reference;
  std::string name{};  // its id where empty
  // kUsage where it is smaller than the template's image.
  std::optional<Bytes> size{};
  BackendChoice backend = BackendChoice::kAuto;
  ExportKind export_kind = ExportKind::kFuse;
  std::string id{};  // of the new sandbox (NewId); where empty, it gets one here
  // The machine to boot; its acceleration is found out. kUsage where the template boots nothing, or
  // has a saved machine, which goes on as it is, and another one is asked for.
  std::optional<MachineRecord> machine{};
};

enum class DestroyMode : std::uint8_t {
  kCareful,
  kForce,  // also where what was written last cannot be flushed any more
};

class Lifecycle {
 public:
  explicit Lifecycle(const Host& host) : host_(host) {}

  // kNoSpace where it would use up the reserve.
  Result<SandboxRecord> Create(const CreateRequest& request);

  // The disk's users are gone afterwards; kConflict names those who stay, and it runs on. A machine
  // is saved with its memory first; where that fails it runs on.
  Result<SandboxRecord> Pause(const std::string& reference);

  // `backend`: another than it had before; where absent, that one, or any if the host lacks it.
  // A missing or changed template or a missing store makes it kFailed.
  Result<SandboxRecord> Resume(const std::string& reference,
                               std::optional<BackendChoice> backend = std::nullopt);

  Result<void> Destroy(const std::string& reference, DestroyMode mode);

  // `count` running copies of its disk, of one moment: all, or none and nothing has changed.
  // kUsage: none, or more than 1,000.
  Result<std::vector<SandboxRecord>> Fork(const std::string& reference, unsigned count);
  // The same, with the ids that the copies are to have.
  Result<std::vector<SandboxRecord>> Fork(const std::string& reference,
                                          const std::vector<std::string>& ids);

 private:
  // Each verb, with a clock that has its name.
  Result<SandboxRecord> Make(const CreateRequest& request, StepClock& clock);
  Result<SandboxRecord> PauseOne(const std::string& reference, StepClock& clock);
  Result<SandboxRecord> ResumeOne(const std::string& reference,
                                  std::optional<BackendChoice> backend, StepClock& clock);
  Result<void> DestroyOne(const std::string& reference, DestroyMode mode, StepClock& clock);
  Result<std::vector<SandboxRecord>> ForkOne(const std::string& reference,
                                             const std::vector<std::string>& ids, StepClock& clock);

  Result<void> Start(SandboxRecord& record, Lasting lasting, StepClock& clock);
  Result<void> StartNew(SandboxRecord& record, UnsyncedFile& store, StepClock& clock);
  Result<void> WithDisk(SandboxRecord& record, StepClock& clock);
  Result<void> Attached(SandboxRecord& record, StepClock& clock);
  Error NotResumed(SandboxRecord& record, const Error& cause, StepClock& clock);
  Result<void> RunMachineOf(SandboxRecord& record, Identity identity, StepClock& clock);
  Error NotSaved(SandboxRecord& record, const Error& cause, StepClock& clock);
  Error StaysPausing(SandboxRecord& record, const std::string& reason, const Error& cause);
  Error PausedWithoutDetach(SandboxRecord& record, const Error& cause, StepClock& clock);
  Result<void> EndMachineOrReturnTo(const SandboxRecord& before);
  Result<void> FillForks(const SandboxRecord& parent, std::vector<SandboxRecord>& forks,
                         StepClock& clock);

  Host host_;
};

// Below: what the verbs and Recover share. The caller has the sandbox's lock.

struct ClaimedSandbox {
  ObjectLock lock;
  SandboxRecord record;
  SandboxState through;  // what to record before the verb's first step
};
// Takes the lock, then looks what state it is in, and whether the verb is legal there.
Result<ClaimedSandbox> Claim(const Host& host, const std::string& reference, Verb verb);

// How the user backend shows its disk. kCorrupt: the record says nothing that is known.
Result<ExportKind> ExportOf(const SandboxRecord& record);

// Attaches the disk of a record that says with which backend; yields what a VMM opens.
Result<std::string> AttachDiskOf(const Host& host, const SandboxRecord& record);

enum class Detached : std::uint8_t {
  kDone,
  kWasGone,  // nothing was served any more; what was left of it is removed
};
Result<Detached> DetachDiskOf(const Host& host, const SandboxRecord& record);

// The same, whether there was anything or not.
Result<void> EndDiskOf(const Host& host, const SandboxRecord& record);

// The same after its machine, which uses it. On failure either may still be there.
Result<void> EndMachineAndDisk(const Host& host, const SandboxRecord& record);

// Whether its create answers once its store and the record that it began with last, without the
// outcome: what a power cut has left on the way recover takes for created (ADR 34). Not with a
// machine, whose memory is gone then, and not where one boot of the host is like the next.
bool LastsFromTheBeginning(const SandboxRecord& record);

// The reason of a sandbox that is paused because its disk is not served any more.
constexpr std::string_view kDiskIsGone =
    "its disk had gone by itself: what was not flushed is lost";

// Where the disk's writers are held because the host has no room: they go on for so long, so that
// the disk's users can end; with no time they wait again. Nothing where they are not.
constexpr std::chrono::seconds kToEnd{30};
void LetWritersGo(const Host& host, const SandboxRecord& record, std::chrono::seconds term);

// Whether its disk is attached and served.
Result<bool> IsAttached(const Host& host, const SandboxRecord& record);

// kNotFound where its store is missing; as Templates::Verify for its template.
Result<void> RequireFiles(const Host& host, const SandboxRecord& record);

// Its store, then its record. Its disk is detached.
Result<void> Forget(const Host& host, const SandboxRecord& record,
                    Lasting lasting = Lasting::kAtOnce);

// One that was not made whole, or is not wanted any more: all of the above. On failure its record
// stays, so that recover tries again.
Result<void> Undo(const Host& host, const SandboxRecord& record);

}  // namespace veneer
