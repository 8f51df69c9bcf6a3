// ExecSession: one command over one port, from the host's side.
//
// Blocks until the command has ended, its time is over, or its caller gives up; then a few seconds
// more at most, whatever the guest does. One thread.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vm/exec.h"

namespace veneer {

// How the last one left the port: frames that were not finished must be ended first.
enum class PortState : std::uint8_t { kClean, kUnknown };

struct OverPort {
  ExecEnd end;
  PortState left = PortState::kUnknown;  // kClean: the guest has taken all that was sent
};

// `port`: connected to the guest's. kFailed with ETIMEDOUT: the guest does not take the command;
// kCorrupt: it breaks the rules of exec_frames.h; kNotFound: no such program, directory or user.
Result<OverPort> RunOverPort(const UniqueFd& port, PortState state, const ExecRequest& request);

}  // namespace veneer
