// Runs a step and notes how long it took, also where it fails.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "vm/vmm.h"

namespace veneer {

template <class Step>
auto TimeStep(std::vector<VmStep>& steps, std::string name, Step&& step) {
  const auto begin = std::chrono::steady_clock::now();
  auto result = std::forward<Step>(step)();
  steps.push_back({.name = std::move(name), .took = std::chrono::steady_clock::now() - begin});
  return result;
}

}  // namespace veneer
