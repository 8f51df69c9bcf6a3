// QemuVmm::Save and MoveMemoryOut.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "kernel/linux/new_file.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/remove_file.h"
#include "vm/qemu/guest_agent.h"
#include "vm/qemu/guest_input.h"
#include "vm/qemu/qemu_vmm.h"
#include "vm/qemu/qmp.h"
#include "vm/qemu/step_timer.h"

namespace veneer {
namespace {

// A guest that does not answer is saved as it is: its memory knows what its disk does not.
constexpr std::chrono::seconds kFreezePatience{10};
constexpr std::chrono::seconds kThawPatience{30};
// Of a guest that somebody types into: each takes a few milliseconds.
constexpr int kMostTries = 10;

Result<void> SyncFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return FailErrno(errno, fmt::format("sync {}", path));
  return {};
}

std::string StillFrozen(const Error& error) {
  return fmt::format("its file systems may still be frozen: {}", error.what);
}

class Saving {
 public:
  Saving(const VmFiles& files, const SaveRequest& request) : files_(files), request_(request) {}

  Result<SaveReport> Run();
  // Undoes what one that was cut short has left. Yields what the machine goes on without.
  Result<std::vector<std::string>> Undo();

 private:
  Result<Qmp> Reach();
  Result<void> HoldFileSystems(Qmp& qmp);
  Result<void> Freeze();
  void Thaw();
  Result<void> SaveAnew(Qmp& qmp);
  Result<void> SaveOne(Qmp& qmp);
  Result<void> WriteState(Qmp& qmp, NewFile& state);
  Result<bool> WasStill(Qmp& qmp, const InputMarks& marks);
  Result<void> LetGo();
  Result<void> GoOn(Qmp& qmp);
  Error GiveUp(Qmp& qmp, const Error& cause);

  const VmFiles& files_;
  const SaveRequest& request_;
  bool may_be_frozen_ = false;
  bool moved_ = false;  // a state was written: it cannot be again before the machine has gone on
  std::optional<VmProcess> held_;
  // Connected until the machine goes on or has ended: whoever comes or goes is told to the guest.
  std::optional<GuestAgent> agent_;
  SaveReport report_;
};

Result<void> Saving::Freeze() {
  agent_ = VENEER_TRY(GuestAgent::Connect(files_.Agent(), kFreezePatience));
  may_be_frozen_ = true;
  VENEER_TRY(agent_->Run("guest-fsfreeze-freeze", nullptr, kFreezePatience));
  return {};
}

void Saving::Thaw() {
  agent_.reset();
  if (!may_be_frozen_) return;
  const Result<void> thawed = TimeStep(report_.steps, "thaw", [&]() -> Result<void> {
    GuestAgent agent = VENEER_TRY(GuestAgent::Connect(files_.Agent(), kThawPatience));
    VENEER_TRY(agent.Run("guest-fsfreeze-thaw", nullptr, kThawPatience));
    return {};
  });
  if (!thawed) report_.warnings.push_back(StillFrozen(thawed.error()));
}

Result<void> Saving::WriteState(Qmp& qmp, NewFile& state) {
  moved_ = true;
  VENEER_TRY(qmp.SaveTo(state.file().fd(), request_.memory == SavedMemory::kInFile
                                               ? Qmp::Memory::kInItsFile
                                               : Qmp::Memory::kInTheState));
  if (request_.memory_file.empty()) return {};
  return TimeStep(report_.steps, "sync", [&] { return SyncFile(request_.memory_file); });
}

// Whether nothing came since these marks. Where the memory's file itself is what is kept, nothing
// can come from here on either: the process is held.
Result<bool> Saving::WasStill(Qmp& qmp, const InputMarks& marks) {
  const bool copied = request_.memory == SavedMemory::kInState || request_.copy_memory;
  if (copied) return VENEER_TRY(MarkInput(qmp)) == marks;
  const std::string text = VENEER_TRY(ReadText(files_.Process()));
  held_ = VENEER_TRY(DecodeProcess(text));
  VENEER_TRY(HoldProcess(*held_));
  return HasMarks(request_.memory_file, marks);
}

// The machine stands still. The state has its name only when all of it is there and fits: who finds
// one may use it.
Result<void> Saving::SaveOne(Qmp& qmp) {
  const InputMarks marks = VENEER_TRY(SettledInput(qmp));
  NewFile state = VENEER_TRY(NewFile::Begin(request_.state, Replace::kExisting));
  VENEER_TRY(TimeStep(report_.steps, "save", [&] { return WriteState(qmp, state); }));
  if (request_.copy_memory) {
    VENEER_TRY(TimeStep(report_.steps, "copy", [&] { return request_.copy_memory(); }));
  }
  if (!VENEER_TRY(WasStill(qmp, marks))) {
    return Fail(Error{ErrorKind::kConflict, EAGAIN, "input came while the machine was saved",
                      "end the commands that are sent much, or say much to a slow reader"});
  }
  if (request_.while_still) VENEER_TRY(TimeStep(report_.steps, "still", request_.while_still));
  return std::move(state).Publish();
}

Result<void> Saving::LetGo() {
  if (!held_) return {};
  const VmProcess process = *std::exchange(held_, std::nullopt);
  return LetProcessGo(process);
}

Result<void> Saving::GoOn(Qmp& qmp) {
  VENEER_TRY(LetGo());
  VENEER_TRY(TimeStep(report_.steps, "continue", [&] { return qmp.GoOn(); }));
  Thaw();
  return {};
}

// It goes on, but not before the state is gone for good, which may have got its name already:
// nobody is to find that beside a machine that has run on.
Error Saving::GiveUp(Qmp& qmp, const Error& cause) {
  const Result<void> removed = RemoveDurably(request_.state);
  const Result<void> runs = removed ? GoOn(qmp) : removed;
  if (runs) return cause;
  Error told = cause;
  told.what = fmt::format("{}; it stands still: {}", cause.what, runs.error().what);
  return told;
}

// One whose last save was cut short stands still: it cannot answer, and may be frozen.
Result<void> Saving::HoldFileSystems(Qmp& qmp) {
  const std::string status = VENEER_TRY(qmp.Status());
  if (status == "running") {
    TimeStep(report_.steps, "freeze", [&] { return Freeze(); }).Ignore("it is saved as it is");
    return {};
  }
  // Its state may have been removed, but not for good.
  VENEER_TRY(RemoveDurably(request_.state));
  may_be_frozen_ = true;
  moved_ = status == "postmigrate";
  return {};
}

// A save that was killed may have left its process held.
Result<Qmp> Saving::Reach() {
  if (const auto text = ReadText(files_.Process())) held_ = VENEER_TRY(DecodeProcess(*text));
  VENEER_TRY(LetGo());
  return Qmp::Connect(files_.Qmp());
}

// Whether it is frozen only its guest can tell; one that does not answer was not frozen either.
Result<std::vector<std::string>> Saving::Undo() {
  Qmp qmp = VENEER_TRY(Reach());
  VENEER_TRY(qmp.GoOn());
  std::vector<std::string> warnings;
  auto agent = GuestAgent::Connect(files_.Agent(), kFreezePatience);
  if (!agent) return warnings;
  const auto thawed = agent->Run("guest-fsfreeze-thaw", nullptr, kThawPatience);
  if (!thawed) warnings.push_back(StillFrozen(thawed.error()));
  return warnings;
}

// It may run or stand still. Fails with EAGAIN where another try may do.
Result<void> Saving::SaveAnew(Qmp& qmp) {
  VENEER_TRY(LetGo());
  if (std::exchange(moved_, false)) VENEER_TRY(qmp.GoOn());
  const auto stopped = TimeStep(report_.steps, "stop", [&] { return qmp.Run("stop"); });
  return stopped ? SaveOne(qmp) : Fail(stopped.error());
}

Result<SaveReport> Saving::Run() {
  // An older state is of no use once anything reaches the machine.
  std::error_code error;
  if (std::filesystem::exists(request_.state, error)) VENEER_TRY(RemoveDurably(request_.state));
  Qmp qmp = VENEER_TRY(Reach());
  VENEER_TRY(HoldFileSystems(qmp));
  Result<void> saved;
  for (int tries = 0; tries < kMostTries; ++tries) {
    saved = SaveAnew(qmp);
    if (saved || saved.error().os_errno != EAGAIN) break;
  }
  if (!saved) return Fail(GiveUp(qmp, saved.error()));
  if (request_.then == SaveRequest::Then::kGoOn) VENEER_TRY(GoOn(qmp));
  return std::move(report_);
}

// Of a machine that stands ready to load a state.
Result<void> LoadAndSave(const VmFiles& files, const std::string& memory_file,
                         const std::string& state, std::vector<VmStep>& steps) {
  const UniqueFd whole(::open(state.c_str(), O_RDONLY | O_CLOEXEC));
  if (!whole.valid()) return FailErrno(errno, fmt::format("open {}", state));
  Qmp qmp = VENEER_TRY(Qmp::Connect(files.Qmp()));
  VENEER_TRY(
      TimeStep(steps, "load", [&] { return qmp.LoadFrom(whole, Qmp::Memory::kInTheState); }));
  NewFile devices = VENEER_TRY(NewFile::Begin(state, Replace::kExisting));
  VENEER_TRY(TimeStep(steps, "save",
                      [&] { return qmp.SaveTo(devices.file().fd(), Qmp::Memory::kInItsFile); }));
  VENEER_TRY(TimeStep(steps, "sync", [&] { return SyncFile(memory_file); }));
  return std::move(devices).Publish();
}

}  // namespace

Result<std::vector<std::string>> QemuVmm::GoOn(const std::string& id) {
  if (VENEER_TRY(Status(id)).presence != VmPresence::kRunning) return std::vector<std::string>();
  const SaveRequest none;
  const VmFiles files = FilesOf(id);
  auto undone = Saving(files, none).Undo();
  if (undone) return undone;
  return Fail(InContext(undone.error(), fmt::format("have the machine of {} go on", id)));
}

// A machine that is there for this alone, and never runs: only QEMU reads its states.
Result<std::vector<VmStep>> QemuVmm::MoveMemoryOut(const VmSpec& spec, const std::string& state) {
  VmSpec without_disk = spec;
  without_disk.disk.clear();
  std::vector<VmStep> steps;
  const auto kept =
      TimeStep(steps, "start", [&] { return RunKeeper(without_disk, VmBeginning::kSavedState); });
  if (!kept && kept.error().kind == ErrorKind::kConflict) return Fail(kept.error());
  const Result<void> moved =
      kept ? LoadAndSave(FilesOf(spec.id), spec.memory_file, state, steps) : Fail(kept.error());
  if (!moved) {
    ::unlink(spec.memory_file.c_str());
    return GiveUp(spec.id,
                  InContext(moved.error(), fmt::format("move the memory out of {}", state)));
  }
  VENEER_TRY(TimeStep(steps, "end", [&] { return Stop(spec.id); }));
  return steps;
}

Result<SaveReport> QemuVmm::Save(const std::string& id, const SaveRequest& request) {
  VENEER_TRY(RequireAlive(id));
  const VmFiles files = FilesOf(id);
  auto report = Saving(files, request).Run();
  if (!report) return Fail(InContext(report.error(), fmt::format("save the machine of {}", id)));
  if (request.then == SaveRequest::Then::kGoOn) return report;
  // As pulling the plug: an orderly end would tell the guest that its ports are closed. Where it
  // fails the state is whole all the same: nothing has run since.
  VENEER_TRY(TimeStep(report->steps, "end", [&] { return Stop(id); }));
  return report;
}

}  // namespace veneer
