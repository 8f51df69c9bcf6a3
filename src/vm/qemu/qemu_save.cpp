// QemuVmm::Save and MoveMemoryOut.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "kernel/linux/new_file.h"
#include "kernel/linux/read_text.h"
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

class Saving {
 public:
  Saving(const VmFiles& files, const SaveRequest& request) : files_(files), request_(request) {}

  Result<SaveReport> Run();
  // Undoes what one that was cut short has left.
  Result<void> Undo();

 private:
  Result<Qmp> Reach();
  Result<void> HoldFileSystems(Qmp& qmp);
  Result<void> Freeze();
  void Thaw();
  Result<void> SaveOne(Qmp& qmp);
  Result<void> WriteState(Qmp& qmp, NewFile& state);
  Result<bool> WasStill(Qmp& qmp, const InputMarks& marks);
  Result<void> LetGo();
  void GoOn(Qmp& qmp);

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
  if (thawed) return;
  report_.warnings.push_back(
      fmt::format("its file systems may still be frozen: {}", thawed.error().what));
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
                      "end the commands that are sent input, or send it more slowly"});
  }
  if (request_.while_still) VENEER_TRY(TimeStep(report_.steps, "still", request_.while_still));
  return std::move(state).Publish();
}

Result<void> Saving::LetGo() {
  if (!held_) return {};
  const VmProcess process = *std::exchange(held_, std::nullopt);
  return LetProcessGo(process);
}

void Saving::GoOn(Qmp& qmp) {
  LetGo().Ignore("one that cannot go on does not answer below either");
  TimeStep(report_.steps, "continue", [&]() -> Result<void> {
    VENEER_TRY(qmp.Run("cont"));
    return {};
  }).Ignore("a machine that cannot go on has ended, and is found so");
  Thaw();
}

// One whose last save was cut short stands still: it cannot answer, and may be frozen.
Result<void> Saving::HoldFileSystems(Qmp& qmp) {
  const std::string status = VENEER_TRY(qmp.Status());
  if (status == "running") {
    TimeStep(report_.steps, "freeze", [&] { return Freeze(); }).Ignore("it is saved as it is");
    return {};
  }
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
Result<void> Saving::Undo() {
  Qmp qmp = VENEER_TRY(Reach());
  if (VENEER_TRY(qmp.Status()) != "running") VENEER_TRY(qmp.Run("cont"));
  auto agent = GuestAgent::Connect(files_.Agent(), kFreezePatience);
  if (!agent) return {};
  VENEER_TRY(agent->Run("guest-fsfreeze-thaw", nullptr, kThawPatience));
  return {};
}

Result<SaveReport> Saving::Run() {
  auto qmp = Reach();
  if (!qmp) return Fail(qmp.error());
  VENEER_TRY(HoldFileSystems(*qmp));
  Result<void> saved;
  for (int tries = 0; tries < kMostTries; ++tries) {
    VENEER_TRY(LetGo());
    if (std::exchange(moved_, false)) VENEER_TRY(qmp->Run("cont"));
    const auto stopped = TimeStep(report_.steps, "stop", [&] { return qmp->Run("stop"); });
    saved = stopped ? SaveOne(*qmp) : Fail(stopped.error());
    if (saved || saved.error().os_errno != EAGAIN) break;
  }
  if (!saved || request_.then == SaveRequest::Then::kGoOn) GoOn(*qmp);
  if (!saved) return Fail(saved.error());
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

Result<void> QemuVmm::GoOn(const std::string& id) {
  if (VENEER_TRY(Status(id)).presence != VmPresence::kRunning) return {};
  const SaveRequest none;
  const VmFiles files = FilesOf(id);
  const Result<void> undone = Saving(files, none).Undo();
  if (undone) return {};
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
  // As pulling the plug: an orderly end would tell the guest that its ports are closed.
  VENEER_TRY(TimeStep(report->steps, "end", [&] { return Stop(id); }));
  return report;
}

}  // namespace veneer
