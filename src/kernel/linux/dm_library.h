// libdevmapper: its questions to the kernel, and udev's cookies, which the library alone knows.
//
// The library is not thread-safe: it keeps its log and its version check for the whole process. So
// one lock around it is for the whole process, too. What the kernel takes its time for is outside
// of it: changes of devices (dm_ioctl.h), and the wait for udev.
//
// The library must be called only where OpenDmControl succeeds: it remembers for ever that there
// was no device-mapper.
//
// Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "kernel/linux/dm_functions.h"
#include "kernel/linux/dm_ioctl.h"

namespace veneer {

// A question: nothing changes that udev sees.
struct DmCall {
  int type = 0;      // DM_DEVICE_STATUS, …
  std::string name;  // of the device, or of what the call is about
  std::string step;  // for the message: "ask for the state of veneer-a"
  // Sets what the call takes beside the name; false where the library refused it.
  std::function<bool(const DmFunctions&, dm_task*)> prepare = [](const auto&, dm_task*) {
    return true;
  };
  // Takes what the call returned.
  std::function<void(const DmFunctions&, dm_task*)> read = [](const auto&, dm_task*) {};
};

// Errors: of the kind that fits the kernel's errno, with the library's first message; kUnsupported
// where there is no libdevmapper.
Result<void> RunDm(const DmCall& call);

// Runs `change`, which is given what the kernel is to tell udev (dm_ioctl.event_nr): not to look
// into the device, and whom to answer. Where udev runs its answer is waited for, at most so long.
// Errors: those of `change`; kFailed where the host has no semaphore left for the answer;
// kUnsupported, and nothing is changed, where there is no libdevmapper.
Result<DmChange> RunWithUdev(std::chrono::milliseconds udev_patience,
                             const std::function<Result<DmChange>(std::uint32_t)>& change);

}  // namespace veneer
