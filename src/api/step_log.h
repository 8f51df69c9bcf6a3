// StepLog: hears what the use cases log, writes it where it would have gone, and tells each step
// that has ended: as an event ("step"), and in the metrics.
//
//   {"at":…,"verb":"pause","object":"sb-1f…","step":"detach","outcome":"done","took_ms":8.3}
#pragma once

#include <functional>

#include "api/event_bus.h"
#include "api/metrics.h"
#include "base/log.h"
#include "catalog/records.h"

namespace veneer::api {

class StepLog final : public Log {
 public:
  // All outlive it.
  StepLog(Log& log, EventBus& events, Metrics& metrics, std::function<Timestamp()> now)
      : log_(log), events_(events), metrics_(metrics), now_(std::move(now)) {}

  void Write(const LogEvent& event) noexcept override;

 private:
  Log& log_;
  EventBus& events_;
  Metrics& metrics_;
  std::function<Timestamp()> now_;
};

}  // namespace veneer::api
