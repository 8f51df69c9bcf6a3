// QemuVmm::Save.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "kernel/linux/new_file.h"
#include "kernel/linux/wait_until.h"
#include "vm/qemu/guest_agent.h"
#include "vm/qemu/qemu_vmm.h"
#include "vm/qemu/qmp.h"
#include "vm/qemu/step_timer.h"

namespace veneer {
namespace {

// A guest that does not answer is saved as it is: its memory knows what its disk does not.
constexpr std::chrono::seconds kFreezePatience{10};
constexpr std::chrono::seconds kThawPatience{30};
constexpr std::chrono::seconds kQuitPatience{10};

Result<void> SyncFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return FailErrno(errno, fmt::format("sync {}", path));
  return {};
}

class Saving {
 public:
  Saving(const VmFiles& files, const SaveRequest& request) : files_(files), request_(request) {}

  Result<std::vector<VmStep>> Run();

 private:
  Result<void> HoldFileSystems(Qmp& qmp);
  Result<void> Freeze();
  void Thaw();
  Result<void> SaveState(Qmp& qmp);
  Result<void> WhileStill(Qmp& qmp);
  void GoOn(Qmp& qmp);
  void Quit(Qmp& qmp);

  const VmFiles& files_;
  const SaveRequest& request_;
  bool may_be_frozen_ = false;
  // Connected until the machine goes on or has ended: QEMU tells the guest of a client that goes by
  // writing to its memory, and would do so between the state and the memory that go together.
  std::optional<GuestAgent> agent_;
  std::vector<VmStep> steps_;
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
  const auto thaw = [&]() -> Result<void> {
    GuestAgent agent = VENEER_TRY(GuestAgent::Connect(files_.Agent(), kThawPatience));
    VENEER_TRY(agent.Run("guest-fsfreeze-thaw", nullptr, kThawPatience));
    return {};
  };
  TimeStep(steps_, "thaw", thaw).Ignore("one that does not answer was not frozen either");
}

Result<void> Saving::SaveState(Qmp& qmp) {
  NewFile state = VENEER_TRY(NewFile::Begin(request_.state, Replace::kExisting));
  VENEER_TRY(qmp.SaveTo(state.file().fd(), request_.memory == SavedMemory::kInFile
                                               ? Qmp::Memory::kInItsFile
                                               : Qmp::Memory::kInTheState));
  if (!request_.memory_file.empty()) {
    VENEER_TRY(TimeStep(steps_, "sync", [&] { return SyncFile(request_.memory_file); }));
  }
  return std::move(state).Publish();
}

Result<void> Saving::WhileStill(Qmp& qmp) {
  VENEER_TRY(TimeStep(steps_, "save", [&] { return SaveState(qmp); }));
  if (!request_.while_still) return {};
  const Result<void> done = TimeStep(steps_, "still", request_.while_still);
  if (!done) ::unlink(request_.state.c_str());
  return done;
}

void Saving::GoOn(Qmp& qmp) {
  TimeStep(steps_, "continue", [&]() -> Result<void> {
    VENEER_TRY(qmp.Run("cont"));
    return {};
  }).Ignore("a machine that cannot go on has ended, and is found so");
  Thaw();
}

void Saving::Quit(Qmp& qmp) {
  qmp.Run("quit").Ignore("it may end before it answers");
  WaitUntil(kQuitPatience, [&] {
    const auto liveliness = LivelinessOf(files_);
    return !liveliness || *liveliness == Liveliness::kDead;
  });
}

// One whose last save was cut short stands still: it cannot answer, and may be frozen.
Result<void> Saving::HoldFileSystems(Qmp& qmp) {
  const std::string status = VENEER_TRY(qmp.Status());
  if (status == "running") {
    TimeStep(steps_, "freeze", [&] { return Freeze(); }).Ignore("it is saved as it is");
    return {};
  }
  may_be_frozen_ = true;
  // What was saved once cannot be saved again before it has gone on.
  if (status == "postmigrate") VENEER_TRY(qmp.Run("cont"));
  return {};
}

Result<std::vector<VmStep>> Saving::Run() {
  auto qmp = Qmp::Connect(files_.Qmp());
  if (!qmp) return Fail(qmp.error());
  VENEER_TRY(HoldFileSystems(*qmp));
  const auto stopped = TimeStep(steps_, "stop", [&] { return qmp->Run("stop"); });
  const Result<void> saved = stopped ? WhileStill(*qmp) : Fail(stopped.error());
  if (!saved || request_.then == SaveRequest::Then::kGoOn) {
    GoOn(*qmp);
    if (!saved) return Fail(saved.error());
    return std::move(steps_);
  }
  TimeStep(steps_, "end", [&]() -> Result<void> {
    Quit(*qmp);
    return {};
  }).Ignore("whoever is left is ended by Stop");
  return std::move(steps_);
}

}  // namespace

Result<std::vector<VmStep>> QemuVmm::Save(const std::string& id, const SaveRequest& request) {
  VENEER_TRY(RequireAlive(id));
  const VmFiles files = FilesOf(id);
  auto steps = Saving(files, request).Run();
  if (!steps) return Fail(InContext(steps.error(), fmt::format("save the machine of {}", id)));
  // A crash of the machine meanwhile is no success: the state may be there, and the disk is not.
  if (request.then == SaveRequest::Then::kEnd) VENEER_TRY(Stop(id));
  return steps;
}

}  // namespace veneer
