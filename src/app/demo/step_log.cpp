#include "app/demo/step_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/size_text.h"

namespace veneer {

std::string RenderDuration(std::chrono::microseconds time) {
  const double milliseconds = static_cast<double>(time.count()) / 1000;
  if (milliseconds < 9.95) return fmt::format("{:.1f} ms", milliseconds);
  if (milliseconds < 999.5) return fmt::format("{:.0f} ms", milliseconds);
  return fmt::format("{:.1f} s", milliseconds / 1000);
}

std::string RenderSteps(const std::vector<Step>& steps) {
  std::size_t width = 4;
  for (const Step& step : steps) width = std::max(width, step.name.size());
  std::string text = fmt::format("{:<{}}  {:>9}  {:>9}\n", "step", width, "time", "on disk");
  text += std::string(width + 22, '-') + "\n";
  for (const Step& step : steps) {
    const std::string on_disk = step.on_disk ? FormatSize(*step.on_disk) : "";
    text +=
        fmt::format("{:<{}}  {:>9}  {:>9}\n", step.name, width, RenderDuration(step.time), on_disk);
  }
  return text;
}

nlohmann::ordered_json StepsJson(const std::vector<Step>& steps) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Step& step : steps) {
    nlohmann::ordered_json one;
    one["step"] = step.name;
    one["ms"] = static_cast<double>(step.time.count()) / 1000;
    one["bytes_on_disk"] = nullptr;
    if (step.on_disk) one["bytes_on_disk"] = step.on_disk->value();
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
  if (done) steps_.push_back({name, time, std::nullopt});
  return done;
}

void StepLog::NoteOnDisk(Bytes bytes) { steps_.back().on_disk = bytes; }

std::chrono::microseconds StepLog::last_time() const { return steps_.back().time; }

}  // namespace veneer
