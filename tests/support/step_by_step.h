// Runs a program and stops it before each of some of its system calls, so that a test can do
// something else to the host at that very moment: kill a process that the program works with.
//
// A tracer of its own (ptrace(2)). strace can kill or signal what it traces, and nothing else.
#pragma once

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

}  // namespace veneer::support
