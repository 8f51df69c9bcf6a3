#include "vm/testing/fake_vmm.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace veneer::testing {
namespace {

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned NumberIn(const std::string& text) {
  return static_cast<unsigned>(std::strtoul(text.c_str(), nullptr, 10));
}

}  // namespace

Result<void> FakeVmm::Wanted(Op op) {
  const auto failure = failures_.find(op);
  if (failure == failures_.end()) return {};
  Error error = failure->second;
  failures_.erase(failure);
  return Fail(std::move(error));
}

Result<FakeVmm::Machine*> FakeVmm::Running(const std::string& id) {
  if (!IsRunning(id)) return Fail(ErrorKind::kNotFound, "no machine of " + id);
  return &machines_.at(id);
}

// What the machine has in its memory is in the file, where that is its own.
void FakeVmm::Remember(const Machine& machine) {
  if (machine.spec.memory_use != VmMemory::kOwn) return;
  const std::string text = std::to_string(machine.counter);
  [[maybe_unused]] const bool written =
      ::ftruncate(machine.memory.get(), 0) == 0 &&
      ::pwrite(machine.memory.get(), text.data(), text.size(), 0) > 0;
}

void FakeVmm::Put(const VmSpec& spec, unsigned counter) {
  Machine machine{.spec = spec, .counter = counter};
  machine.memory = UniqueFd(::open(spec.memory_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  Remember(machine);
  machines_.insert_or_assign(spec.id, std::move(machine));
}

void FakeVmm::Die(const std::string& id, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  machines_.at(id).ended = reason;
}

bool FakeVmm::IsRunning(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = machines_.find(id);
  return found != machines_.end() && !found->second.ended;
}

Result<VmReport> FakeVmm::Start(const VmSpec& spec) {
  const std::lock_guard lock(mutex_);
  if (IsRunning(spec.id)) return Fail(ErrorKind::kConflict, spec.id + " runs");
  VENEER_TRY(Wanted(Op::kStart));
  VENEER_TRY(Wanted(Op::kWake));
  Put(spec, 0);
  return VmReport{.steps = {{.name = "boot", .took = {}}}};
}

Result<VmReport> FakeVmm::Restore(const VmSpec& spec, const std::string& state, SavedMemory memory,
                                  const std::function<Result<void>()>& before_running) {
  const std::lock_guard lock(mutex_);
  if (IsRunning(spec.id)) return Fail(ErrorKind::kConflict, spec.id + " runs");
  VENEER_TRY(Wanted(Op::kRestore));
  if (Read(state).empty()) return Fail(ErrorKind::kNotFound, "no state " + state);
  const std::string text = Read(memory == SavedMemory::kInFile ? spec.memory_file : state);
  Put(spec, NumberIn(text));
  Result<void> may_run = before_running ? before_running() : Result<void>();
  if (may_run) may_run = Wanted(Op::kWake);
  if (!may_run) machines_.erase(spec.id);
  if (!may_run) return Fail(may_run.error());
  if (const auto act = std::exchange(after_restore_, nullptr)) act();
  return VmReport{.steps = {{.name = "load", .took = {}}}, .warnings = warnings_};
}

Result<SaveReport> FakeVmm::Save(const std::string& id, const SaveRequest& request) {
  const std::lock_guard lock(mutex_);
  Machine* const machine = VENEER_TRY(Running(id));
  VENEER_TRY(Wanted(Op::kSave));
  if (request.copy_memory) VENEER_TRY(request.copy_memory());
  if (request.while_still) VENEER_TRY(request.while_still());
  Write(request.state, std::to_string(machine->counter));
  if (request.then == SaveRequest::Then::kEnd) {
    machine->still = true;
    VENEER_TRY(Wanted(Op::kEnd));
    machines_.erase(id);
  }
  return SaveReport{.steps = {{.name = "save", .took = {}}}};
}

void FakeVmm::StandStill(const std::string& id) {
  const std::lock_guard lock(mutex_);
  machines_.at(id).still = true;
}

Result<std::vector<std::string>> FakeVmm::GoOn(const std::string& id) {
  const std::lock_guard lock(mutex_);
  VENEER_TRY(Wanted(Op::kGoOn));
  const auto found = machines_.find(id);
  if (found != machines_.end()) found->second.still = false;
  return warnings_;
}

Result<std::vector<VmStep>> FakeVmm::MoveMemoryOut(const VmSpec& spec, const std::string& state) {
  const std::lock_guard lock(mutex_);
  VENEER_TRY(Wanted(Op::kMove));
  Write(spec.memory_file, Read(state));
  ::unlink(state.c_str());  // others may have it by another name
  Write(state, "devices");
  return std::vector<VmStep>{{.name = "load", .took = {}}, {.name = "save", .took = {}}};
}

Result<ExecEnd> FakeVmm::Exec(const std::string& id, const ExecRequest& request) {
  const std::lock_guard lock(mutex_);
  Machine* const machine = VENEER_TRY(Running(id));
  VENEER_TRY(Wanted(Op::kExec));
  if (machine->still) return Fail(ErrorKind::kFailed, id + " stands still");
  const std::string said = std::to_string(++machine->counter);
  Remember(*machine);
  if (request.output) VENEER_TRY(request.output(ExecStream::kOutput, said));
  return ExecEnd{};
}

Result<void> FakeVmm::Stop(const std::string& id) {
  const std::lock_guard lock(mutex_);
  VENEER_TRY(Wanted(Op::kStop));
  machines_.erase(id);
  return {};
}

Result<VmStatus> FakeVmm::Status(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = machines_.find(id);
  if (found == machines_.end()) return VmStatus{};
  if (found->second.ended) {
    return VmStatus{.presence = VmPresence::kEnded, .reason = *found->second.ended};
  }
  return VmStatus{.presence = VmPresence::kRunning, .process = 1};
}

Result<ConsoleText> FakeVmm::Console(const std::string& id, std::uint64_t from) {
  if (const auto machine = Running(id); !machine) return Fail(machine.error());
  return ConsoleText{.next = from};
}

}  // namespace veneer::testing
