// The steps of the demo: run, timed, told while they run, and shown as a table at the end.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// What files hold.
struct Footprint {
  Bytes used;                      // blocks on disk (st_blocks × 512)
  std::optional<Bytes> changed{};  // of a disk, since it was made of its template
};

struct Step {
  std::string name;
  std::chrono::microseconds time{};
  std::optional<Footprint> bytes{};  // of what the step made or changed
};

// "0.8 ms", "123 ms", "15.2 s"
std::string RenderDuration(std::chrono::microseconds time);

std::string RenderSteps(const std::vector<Step>& steps);
nlohmann::ordered_json StepsJson(const std::vector<Step>& steps);

class StepLog {
 public:
  using Action = std::function<Result<void>()>;

  // Runs the action and tells its progress on stderr; a step that fails is not recorded.
  Result<void> Run(const std::string& name, const Action& action);

  // Adds what the last step left on disk.
  void Note(const Footprint& bytes);

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  [[nodiscard]] std::chrono::microseconds last_time() const;

 private:
  std::vector<Step> steps_;
};

}  // namespace veneer
