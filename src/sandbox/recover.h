// Recover: ends what killed commands began, and notices what went by itself.
//
//   recorded                  found                     afterwards
//   creating                                            gone, as if it had not begun
//   pausing                                             paused (running, if its disk is in use, or
//                                                       its machine cannot be saved and goes on)
//   resuming                                            paused, with its memory if nothing had run
//   destroying                                          gone
//   running                   its disk is not served    paused, with the reason
//   running                   its machine has ended     paused, with the reason; memory is lost
//   failed                    its files are there       paused, or running where its disk is served
//   paused                    a file of it is missing   failed, with the reason
//   an intent (a template)                              gone, as if it had not begun
//
// What somebody works on (ObjectLock) is left alone. After a reboot nothing is served: all that ran
// is paused, with its flushed data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/host.h"

namespace veneer {

enum class RecoverScope : std::uint8_t {
  kEverything,
  // What costs nothing where nothing is to be done: half-done verbs, and disks that went. For the
  // start of each command that changes things.
  kQuick,
};

struct Recovered {
  std::string object;   // "sandbox sb-1f…", "template tp-2a…"
  std::string outcome;  // "paused: its disk had gone by itself…"
};

struct RecoverReport {
  std::vector<Recovered> changed;
  std::vector<Recovered> stuck;  // and why: another try may do
};

// Blocks as the verbs do that it ends. One thing that fails does not keep it from the others.
Result<RecoverReport> Recover(const Host& host, RecoverScope scope);

}  // namespace veneer
