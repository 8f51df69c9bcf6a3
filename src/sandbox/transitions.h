// Which verb is legal in which state of a sandbox: the table of the state machine.
//
//                running       paused        failed        on the way
//   pause        pausing       -             -             -
//   resume       -             resuming      -             -
//   destroy      destroying    destroying    destroying    -
//   fork         running       paused        -             -
//   snapshot     running       paused        -             -
//
// The entry is the state that is recorded before the first step. "On the way" is creating, pausing,
// resuming, destroying: somebody is at work, or died at it (Recover ends that). Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "catalog/records.h"

namespace veneer {

enum class Verb : std::uint8_t { kPause, kResume, kDestroy, kFork, kSnapshot };

// "pause", "resume", …
std::string_view VerbName(Verb verb);

// The state to record before the first step of the verb. kConflict where it is not legal; the
// message names sandbox and state, the hint what to do.
Result<SandboxState> Begin(Verb verb, const SandboxRecord& sandbox);

}  // namespace veneer
