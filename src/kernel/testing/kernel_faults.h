// KernelFaults: makes verbs of FakeLoopControl and FakeDeviceMapper fail, one by name or the n-th
// of all. Share one between the fakes of a test. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.h"

namespace veneer::testing {

enum class KernelVerb : std::uint8_t {
  // LoopControl
  kAttach,
  kAttachHeld,
  kHold,
  kFind,
  kBackingFile,
  kUpdateSize,
  kDetach,
  // DeviceMapper
  kRequireTarget,
  kCreate,
  kRemove,
  kList,
  kQuery,
  kSuspend,
  kResume,
};

// When a verb fails: before it has done anything, or after it has done all.
enum class FaultMoment : std::uint8_t { kBefore, kAfter };

class KernelFaults {
 public:
  // The next call of this verb, after `skip` others, fails.
  void FailNext(KernelVerb verb, Error error, FaultMoment moment = FaultMoment::kBefore,
                unsigned skip = 0) {
    const std::scoped_lock lock(mutex_);
    by_verb_[verb] = {std::move(error), moment, skip};
  }

  // The n-th call from now on, of whatever verb, fails; 1 is the next one. For sweeps: a failure
  // at each call in turn, until `fired` says that there was no such call.
  void FailAt(unsigned n, Error error, FaultMoment moment = FaultMoment::kBefore) {
    const std::scoped_lock lock(mutex_);
    by_number_ = {std::move(error), moment, n - 1};
  }

  // Forgets what was to fail.
  void Clear() {
    const std::scoped_lock lock(mutex_);
    by_verb_.clear();
    by_number_.reset();
  }

  // Calls of all verbs; failures that were had.
  [[nodiscard]] std::uint64_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  [[nodiscard]] std::uint64_t fired() const {
    const std::scoped_lock lock(mutex_);
    return fired_;
  }

  // For the fakes: at the beginning of each verb, what it is to fail with, and when.
  struct Planned {
    std::optional<Error> before;
    std::optional<Error> after;
    // For a verb without an effect.
    [[nodiscard]] const std::optional<Error>& any() const { return before ? before : after; }
  };
  Planned Enter(KernelVerb verb) {
    const std::scoped_lock lock(mutex_);
    ++calls_;
    Planned planned;
    if (by_number_ && Due(*by_number_)) {
      Plan(planned, *by_number_);
      by_number_.reset();
    }
    const auto found = by_verb_.find(verb);
    if (found != by_verb_.end() && Due(found->second)) {
      Plan(planned, found->second);
      by_verb_.erase(found);
    }
    return planned;
  }

 private:
  struct Fault {
    Error error;
    FaultMoment moment = FaultMoment::kBefore;
    unsigned skip = 0;
  };

  static bool Due(Fault& fault) {
    if (fault.skip == 0) return true;
    --fault.skip;
    return false;
  }
  void Plan(Planned& planned, const Fault& fault) {
    ++fired_;
    (fault.moment == FaultMoment::kBefore ? planned.before : planned.after) = fault.error;
  }

  mutable std::mutex mutex_;
  std::map<KernelVerb, Fault> by_verb_;
  std::optional<Fault> by_number_;
  std::uint64_t calls_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace veneer::testing
