// One loop device: its node, what sysfs says of it, and the ioctls on it. For LinuxLoopControl.
//
// Any thread; opening a device may wait for the file behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/loop_control.h"

namespace veneer {

// How long a device keeps its file.
enum class LoopLife : std::uint8_t {
  kUntilDetached,
  kUntilLastClose,  // autoclear
};

// What the kernel tells of a device that has a file.
struct LoopStatus {
  FileIdentity file;
  LoopLife life = LoopLife::kUntilDetached;
};

LoopDevice DescribeLoop(unsigned number);

// A device that ConfigureLoop has just returned: nothing is on top of it yet.
LoopDevice DescribeNewLoop(unsigned number);

// "/dev/loop3" → 3; kNotFound for anything else.
Result<unsigned> LoopNumber(std::string_view device);

// Whether the device has a file behind it; neither opens nor asks the device.
bool IsLoopBound(unsigned number);

// The path of the file behind a device, as the kernel writes it; empty where it has none.
std::string LoopBackingPath(unsigned number);

// Opens the device, whose node is made where it is missing.
Result<UniqueFd> OpenLoop(unsigned number, int flags);

// kNotFound where the device is free.
Result<LoopStatus> AskLoop(const UniqueFd& loop, const std::string& path);

// Has the device keep its file until it is detached, whoever closes it. kNotFound as above.
Result<void> KeepLoop(const UniqueFd& loop, const std::string& path);

// Puts an open file on a free device and returns the device, open. `name` of the file is for
// people. A conflict (EBUSY) where it is not free.
Result<UniqueFd> ConfigureLoop(unsigned number, const UniqueFd& file, const std::string& name,
                               const LoopOptions& options, LoopLife life);

}  // namespace veneer
