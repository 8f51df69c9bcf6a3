#include "catalog/timings.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace veneer {
namespace {

using Json = nlohmann::json;

std::optional<StepTiming> TimingOf(const Json& json) {
  if (!json.is_object() || json.size() != 2) return std::nullopt;
  const auto step = json.find("step");
  const auto took = json.find("ms");
  if (step == json.end() || !step->is_string()) return std::nullopt;
  if (took == json.end() || !took->is_number()) return std::nullopt;
  return StepTiming{.step = step->get<std::string>(),
                    .took = std::chrono::duration<double, std::milli>(took->get<double>())};
}

}  // namespace

std::string EncodeTimings(const std::vector<StepTiming>& timings) {
  Json json = Json::array();
  for (const StepTiming& timing : timings) {
    const double took = timing.took.count();
    json.push_back({{"step", timing.step}, {"ms", std::isfinite(took) ? took : 0.0}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<StepTiming>> DecodeTimings(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_array()) return Fail(ErrorKind::kCorrupt, "no list of timings");
  std::vector<StepTiming> timings;
  timings.reserve(json.size());
  for (const Json& element : json) {
    std::optional<StepTiming> timing = TimingOf(element);
    if (!timing) return Fail(ErrorKind::kCorrupt, "a timing without a step or its time");
    timings.push_back(*std::move(timing));
  }
  return timings;
}

}  // namespace veneer
