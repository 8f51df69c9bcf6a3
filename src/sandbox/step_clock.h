// StepClock: how long each step of an operation took.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catalog/records.h"

namespace veneer {

class StepClock {
 public:
  // Runs a step and notes its time, also where it fails.
  template <class Step>
  auto Time(std::string name, Step&& step) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = std::forward<Step>(step)();
    Note(std::move(name), std::chrono::steady_clock::now() - begin);
    return result;
  }

  void Note(std::string name, std::chrono::duration<double, std::milli> took) {
    steps_.push_back({.step = std::move(name), .took = took});
  }

  [[nodiscard]] const std::vector<StepTiming>& steps() const { return steps_; }

 private:
  std::vector<StepTiming> steps_;
};

}  // namespace veneer
