// The ioctls of device-mapper (include/uapi/linux/dm-ioctl.h) that change devices or list them.
//
// They go past libdevmapper and its lock (dm_library.h): a start or an end waits for the kernel,
// and every other call of the process would wait with it. None touches a node: LinuxDeviceMapper
// does. A call after which the kernel sends udev an event takes what udev is to be told
// (RunWithUdev).
//
// Any thread. Blocks on the kernel, as DeviceMapper says. Errors: as there.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
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

// What a call did that the kernel tells udev of.
struct DmChange {
  dev_t device = 0;
  bool event_sent = false;  // udev, where it runs, answers it
};

// Makes a device without a table.
Result<void> CreateDm(const UniqueFd& control, const std::string& name, const std::string& uuid);

// Loads the table that the next start puts in place.
Result<void> LoadDm(const UniqueFd& control, const DmSpec& spec);

// Puts a loaded table in place, and lets I/O go on. `event`: see RunWithUdev.
Result<DmChange> StartDm(const UniqueFd& control, const std::string& name, std::uint32_t event);

// Removes a device.
Result<DmChange> RemoveDm(const UniqueFd& control, const std::string& name, std::uint32_t event);

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
