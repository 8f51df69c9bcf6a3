// FakeVmm: a working model of virtual machines, for the tests of the rooms above.
//
// A machine is a counter: every command in it counts on, and says the number. The counter is its
// memory: it is kept in the memory's file and in saved states as the real ones are, so that a test
// sees whether a machine went on from the right moment. Verbs may come from any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "vm/vmm.h"

namespace veneer::testing {

class FakeVmm final : public Vmm {
 public:
  enum class Op : std::uint8_t {
    kStart,
    kRestore,
    kSave,
    kEnd,  // of one that is saved: the state is there, and it stands still
    kMove,
    kExec,
    kStop,
    kWake,
    kGoOn,
  };

  // The next call of that verb fails so, and changes nothing but what the real one would.
  void FailNext(Op op, Error error) { failures_[op] = std::move(error); }

  // What somebody does when the next machine has gone on from a state.
  void AfterNextRestore(std::function<void()> act) { after_restore_ = std::move(act); }

  // What every machine goes on without from here on.
  void Warn(const std::string& warning) { warnings_.push_back(warning); }

  // As a Save that was cut short leaves it: commands in it fail until it goes on.
  void StandStill(const std::string& id);

  // It ends by itself.
  void Die(const std::string& id, const std::string& reason);
  [[nodiscard]] bool IsRunning(const std::string& id) const;
  [[nodiscard]] const VmSpec& SpecOf(const std::string& id) const { return machines_.at(id).spec; }

  Result<VmReport> Start(const VmSpec& spec) override;
  Result<VmReport> Restore(const VmSpec& spec, const std::string& state, SavedMemory memory,
                           const std::function<Result<void>()>& before_running) override;
  Result<SaveReport> Save(const std::string& id, const SaveRequest& request) override;
  Result<std::vector<std::string>> GoOn(const std::string& id) override;
  Result<std::vector<VmStep>> MoveMemoryOut(const VmSpec& spec, const std::string& state) override;
  Result<ExecEnd> Exec(const std::string& id, const ExecRequest& request) override;
  Result<void> Stop(const std::string& id) override;
  [[nodiscard]] Result<VmStatus> Status(const std::string& id) override;
  [[nodiscard]] Result<ConsoleText> Console(const std::string& id, std::uint64_t from) override;

 private:
  struct Machine {
    VmSpec spec;
    unsigned counter = 0;
    bool still = false;
    UniqueFd memory{};                   // open, as the real one's: it follows a rename
    std::optional<std::string> ended{};  // why
  };
  Result<void> Wanted(Op op);
  void Put(const VmSpec& spec, unsigned counter);
  static void Remember(const Machine& machine);
  Result<Machine*> Running(const std::string& id);

  mutable std::recursive_mutex mutex_;  // verbs may be asked of several machines at once
  std::map<std::string, Machine> machines_;
  std::map<Op, Error> failures_;
  std::vector<std::string> warnings_;
  std::function<void()> after_restore_;
};

}  // namespace veneer::testing
