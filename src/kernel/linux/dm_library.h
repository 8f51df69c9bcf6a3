// Calls of libdevmapper: one at a time, with its messages as errors, and with udev waited for.
//
// The library is not thread-safe: it keeps nodes that are to be made, its log and its version check
// for the whole process. So one lock around it is for the whole process, too, and is held while the
// kernel works on a call; the wait for udev is outside of it.
//
// The library must be called only where OpenDmControl succeeds: it remembers for ever that there
// was no device-mapper.
//
// Any thread.
#pragma once

#include <libdevmapper.h>

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"

namespace veneer {

struct DmCall {
  int type = 0;      // DM_DEVICE_CREATE, …
  std::string name;  // of the device, or of what the call is about
  std::string step;  // for the message: "remove veneer-a"
  // Sets what the call takes beside the name; false where the library refused it.
  std::function<bool(dm_task*)> prepare = [](dm_task*) { return true; };
  // Takes what the call returned.
  std::function<void(dm_task*)> read = [](dm_task*) {};
};

// Runs a call. Where it changes what udev sees of a device, udev is told not to look into it, and
// is waited for at most `udev_patience`; where no udev runs the library keeps the nodes. Errors:
// of the kind that fits the kernel's errno, with the library's first message.
Result<void> RunDm(const DmCall& call, std::chrono::milliseconds udev_patience);

}  // namespace veneer
