// Turns SIGINT, SIGTERM and SIGHUP into something a long command can look at between its steps,
// so that it ends in order and cleans up.
//
// One at a time in a process. System calls go on after a signal (SA_RESTART); programs that are
// started meanwhile get the default actions back (exec does that).
#pragma once

#include <array>
#include <csignal>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

class InterruptWatch {
 public:
  // kFailed where the process has no descriptors left; kConflict where there is a watch already.
  static Result<std::unique_ptr<InterruptWatch>> Install();

  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  ~InterruptWatch();  // puts the former actions back

  // An error that names the signal, once there was one.
  [[nodiscard]] Result<void> Check() const;

  // Readable from the first signal on; for poll. Do not read it.
  [[nodiscard]] const UniqueFd& fd() const { return read_; }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};

  InterruptWatch(UniqueFd read, UniqueFd write);

  UniqueFd read_;
  UniqueFd write_;
  std::array<struct sigaction, kSignals.size()> former_{};
};

}  // namespace veneer
