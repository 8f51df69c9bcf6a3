// KernelFaults: makes verbs of FakeLoopControl and FakeDeviceMapper fail, one by name or the n-th
// of all, and has others act in the midst of them. Share one between the fakes of a test. Any
// thread.
#pragma once

#include <cstdint>
#include <functional>
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

  // What another process does while the next call of this verb is about to begin, or has just
  // ended. For races: whoever calls the verb does not know of it.
  void Meanwhile(KernelVerb verb, FaultMoment moment, std::function<void()> act) {
    const std::scoped_lock lock(mutex_);
    others_[{verb, moment}] = std::move(act);
  }

  // Forgets what was to fail, and who was to act.
  void Clear() {
    const std::scoped_lock lock(mutex_);
    by_verb_.clear();
    by_number_.reset();
    others_.clear();
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

  // Has somebody act when it goes.
  class Afterwards {
   public:
    Afterwards() = default;
    explicit Afterwards(std::function<void()> act) : act_(std::move(act)) {}
    Afterwards(Afterwards&& other) noexcept : act_(std::exchange(other.act_, nullptr)) {}
    Afterwards& operator=(Afterwards&&) = delete;
    ~Afterwards() {
      if (act_) act_();
    }

   private:
    std::function<void()> act_;
  };

  // For the fakes: at the beginning of each verb, before it takes any lock, what it is to fail
  // with, and when. It is kept until the verb has ended.
  struct Planned {
    std::optional<Error> before;
    std::optional<Error> after;
    Afterwards others;
    // For a verb without an effect.
    [[nodiscard]] const std::optional<Error>& any() const { return before ? before : after; }
  };
  Planned Enter(KernelVerb verb) {
    if (const auto act = TakeOther(verb, FaultMoment::kBefore)) act();
    Planned planned{
        .before = {}, .after = {}, .others = Afterwards(TakeOther(verb, FaultMoment::kAfter))};
    const std::scoped_lock lock(mutex_);
    ++calls_;
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

  // Nothing where nobody is to act.
  std::function<void()> TakeOther(KernelVerb verb, FaultMoment moment) {
    const std::scoped_lock lock(mutex_);
    const auto found = others_.find({verb, moment});
    if (found == others_.end()) return nullptr;
    std::function<void()> act = std::move(found->second);
    others_.erase(found);
    return act;
  }

  mutable std::mutex mutex_;
  std::map<KernelVerb, Fault> by_verb_;
  std::map<std::pair<KernelVerb, FaultMoment>, std::function<void()>> others_;
  std::optional<Fault> by_number_;
  std::uint64_t calls_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace veneer::testing
