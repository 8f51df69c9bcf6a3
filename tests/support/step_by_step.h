// Runs a program and stops it before each of some of its system calls, in whichever of its threads,
// so that a test can do something else to the host at that very moment, or have the call fail.
//
// A tracer of its own (ptrace(2)), for x86-64. strace can kill or signal what it traces, nothing
// else; and it counts calls for each thread by itself, or follows what the program starts, too.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "support/process.h"

namespace veneer::support {

// Runs `program` to its end. Whenever one of its threads is about to make one of `calls` (SYS_…),
// that thread waits while `at_step` runs. Steps are counted from 1, over all threads. What the
// program starts is left alone: neither traced nor waited for. One that takes too long is killed.
Outcome RunStepByStep(const std::vector<std::string>& program, const std::set<long>& calls,
                      const std::function<void(unsigned step)>& at_step,
                      std::chrono::milliseconds timeout = std::chrono::minutes(5));

// The same, where each call that `error_of` has an errno for is not made, and fails so.
struct CallAtHand {
  pid_t thread;
  long number;
  std::array<std::uint64_t, 6> arguments{};
};
Outcome RunWithFailures(const std::vector<std::string>& program, const std::set<long>& calls,
                        const std::function<int(const CallAtHand&)>& error_of,
                        std::chrono::milliseconds timeout = std::chrono::minutes(5));

}  // namespace veneer::support
