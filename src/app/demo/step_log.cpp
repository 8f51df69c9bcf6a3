#include "app/demo/step_log.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/table.h"
#include "base/size_text.h"

namespace veneer {

std::string RenderDuration(std::chrono::microseconds time) {
  const double milliseconds = static_cast<double>(time.count()) / 1000;
  if (milliseconds < 9.95) return fmt::format("{:.1f} ms", milliseconds);
  if (milliseconds < 999.5) return fmt::format("{:.0f} ms", milliseconds);
  return fmt::format("{:.1f} s", milliseconds / 1000);
}

std::string RenderSteps(const std::vector<Step>& steps) {
  std::vector<std::vector<std::string>> rows;
  for (const Step& step : steps) {
    rows.push_back({step.name, RenderDuration(step.time), "", ""});
    if (step.bytes) rows.back()[2] = FormatSize(step.bytes->used);
    if (step.bytes && step.bytes->changed) rows.back()[3] = FormatSize(*step.bytes->changed);
  }
  return RenderTable(
      {{"STEP"}, {"TIME", Align::kRight}, {"USED", Align::kRight}, {"CHANGED", Align::kRight}},
      rows);
}

nlohmann::ordered_json StepsJson(const std::vector<Step>& steps) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Step& step : steps) {
    nlohmann::ordered_json one;
    one["step"] = step.name;
    one["ms"] = static_cast<double>(step.time.count()) / 1000;
    one["used_bytes"] = nullptr;
    one["changed_bytes"] = nullptr;
    if (step.bytes) one["used_bytes"] = step.bytes->used.value();
    if (step.bytes && step.bytes->changed) one["changed_bytes"] = step.bytes->changed->value();
    all.push_back(std::move(one));
  }
  return all;
}

Result<void> StepLog::Run(const std::string& name, const Action& action) {
  using Clock = std::chrono::steady_clock;
  // Progress for people; there is nobody left to tell where stderr fails.
  (void)std::fputs((name + " … ").c_str(), stderr);
  (void)std::fflush(stderr);
  const Clock::time_point begin = Clock::now();
  const Result<void> done = action();
  const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  (void)std::fputs(done ? (RenderDuration(time) + "\n").c_str() : "failed\n", stderr);
  if (done) steps_.push_back({.name = name, .time = time});
  return done;
}

void StepLog::Note(const Footprint& bytes) { steps_.back().bytes = bytes; }

std::chrono::microseconds StepLog::last_time() const { return steps_.back().time; }

}  // namespace veneer
