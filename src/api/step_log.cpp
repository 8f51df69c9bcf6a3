#include "api/step_log.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "backend/json_fields.h"
#include "sandbox/json_views.h"

namespace veneer::api {

void StepLog::Write(const LogEvent& event) noexcept {
  log_.Write(event);
  if (event.step.empty() || !event.took) return;
  try {
    metrics_.NoteStep(event.verb, event.step, *event.took);
    events_.Publish("step", DumpLine({{"at", FormatTimestamp(now_())},
                                      {"verb", event.verb},
                                      {"object", event.object},
                                      {"step", event.step},
                                      {"outcome", event.outcome},
                                      {"took_ms", event.took->count()}}));
  } catch (const std::exception&) {
    return;  // no memory: what is logged goes on without its event
  }
}

}  // namespace veneer::api
