// Kills a program at one of its system calls: a cut at every step of what has several steps.
#pragma once

#include <string>
#include <vector>

#include "support/process.h"

namespace veneer::support {

// What a program that was killed ends with.
inline constexpr int kKilled = 128 + 9;

// Whether each run of a program makes the same calls. A sanitizer makes some of its own: it reads
// the program's maps, which are longer in one run than in another.
#ifdef VENEER_SANITIZED
inline constexpr bool kEachRunIsTheSame = false;
#else
inline constexpr bool kEachRunIsTheSame = true;
#endif

// The n-th call of that name that a thread makes, counted from 1. (strace counts each name by
// itself, and each thread.)
struct SystemCall {
  std::string name;
  unsigned occurrence = 1;
};

// Whether threads and processes that the program starts are looked at, and killed, too. One that
// stays as a server must be left alone: strace would wait for its end.
enum class Offspring { kTraced, kLeftAlone };

// The system calls of a run of the program, in order; what the loader does before main is left out.
// The program must succeed, and has done its work then. Calls of several threads are mixed.
std::vector<SystemCall> TraceSystemCalls(const std::vector<std::string>& program,
                                         Offspring offspring = Offspring::kTraced);

// `program` under strace, which kills all of it when a thread is about to make that call.
std::vector<std::string> KilledAt(const SystemCall& call, const std::vector<std::string>& program,
                                  Offspring offspring = Offspring::kTraced);

// The leak check of the address sanitizer cannot run under a tracer.
RunOptions UnderTracer();

}  // namespace veneer::support
