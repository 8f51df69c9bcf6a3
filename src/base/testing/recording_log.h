// A log that keeps what it is told, for tests.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"

namespace veneer::testing {

class RecordingLog final : public Log {
 public:
  struct Line {
    LogLevel level = LogLevel::kOff;
    std::string verb;
    std::string object;
    std::string step;
    std::string outcome;
    std::string detail;
    bool is_timed = false;
  };

  void Write(const LogEvent& event) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back({.level = event.level,
                      .verb = std::string(event.verb),
                      .object = std::string(event.object),
                      .step = std::string(event.step),
                      .outcome = std::string(event.outcome),
                      .detail = std::string(event.detail),
                      .is_timed = event.took.has_value()});
  }

  [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }
  void Clear() { lines_.clear(); }

 private:
  std::mutex mutex_;  // of writers; readers come when they are done
  std::vector<Line> lines_;
};

}  // namespace veneer::testing
