// The ioctls of device-mapper for which libdevmapper is no help (include/uapi/linux/dm-ioctl.h).
//
// libdevmapper makes and removes devices, with their nodes and udev (see DmLibrary). The two here
// touch no node and no udev, and go past its lock: the list, which the library of Debian 12 gives
// without UUIDs, and so with one more call for each device; and suspending, which may wait for a
// disk that does not answer, and must not have every other call wait with it.
//
// Any thread. Blocks as said.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/device_mapper.h"

namespace veneer {

// Opens /dev/mapper/control, whose node is made where it is missing and the kernel has
// device-mapper; loads the driver where the kernel can do that by itself. kUnsupported where there
// is none; kFailed without permission.
Result<UniqueFd> OpenDmControl();

// All devices, those too that have no table yet.
Result<std::vector<DmDevice>> ListDmDevices(const UniqueFd& control);

// Suspends a device, without freezing a file system on it; waits for I/O that is under way.
Result<void> SuspendDm(const UniqueFd& control, const std::string& name);

// Decodes what DM_LIST_DEVICES (4.45, Linux 5.13) returns: records, each from a multiple of 8 on,
//   u64 device, u32 offset of the next record from here (0: the last one),
//   name, NUL, up to the next multiple of 8, u32 event number, u32 flags, UUID, NUL
// in the machine's byte order. kCorrupt for anything else.
Result<std::vector<DmDevice>> DecodeDmList(std::span<const std::byte> records);

}  // namespace veneer
