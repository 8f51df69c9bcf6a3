// StepClock: how long each step of an operation took, and the log's lines of each step and of the
// whole. One for each object that an operation works on.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "catalog/records.h"

namespace veneer {

class StepClock {
 public:
  using Milliseconds = std::chrono::duration<double, std::milli>;

  // `object`: an id, or what the user typed until that is known.
  StepClock(Log& log, std::string verb, std::string object)
      : log_(&log), verb_(std::move(verb)), object_(std::move(object)) {}

  // The object's id is known now.
  void Name(std::string id) { object_ = std::move(id); }

  // Runs a step, which yields a Result, and notes its time, also where it fails.
  template <class Step>
  auto Time(std::string name, Step&& step) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = std::forward<Step>(step)();
    const Milliseconds took = std::chrono::steady_clock::now() - begin;
    Tell(result, LogLevel::kDebug, name, took);
    steps_.push_back({.step = std::move(name), .took = took});
    return result;
  }

  // A step that somebody else measured.
  void Note(std::string name, Milliseconds took) {
    Tell(Result<void>(), LogLevel::kDebug, name, took);
    steps_.push_back({.step = std::move(name), .took = took});
  }

  // Runs all of the operation, which yields a Result, and logs how it ended.
  template <class Operation>
  auto Whole(Operation&& operation) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = std::forward<Operation>(operation)();
    Tell(result, LogLevel::kInfo, {}, std::chrono::steady_clock::now() - begin);
    return result;
  }

  [[nodiscard]] const std::vector<StepTiming>& steps() const { return steps_; }

 private:
  template <class T>
  void Tell(const Result<T>& result, LogLevel level, std::string_view step, Milliseconds took) {
    LogEvent event{.level = level, .verb = verb_, .object = object_, .step = step, .took = took};
    if (!result) {
      event.level = LevelOf(result.error());
      event.outcome = KindName(result.error().kind);
      event.detail = result.error().what;
    }
    log_->Write(event);
  }

  Log* log_;
  std::string verb_;
  std::string object_;
  std::vector<StepTiming> steps_;
};

}  // namespace veneer
