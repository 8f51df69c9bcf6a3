// What a disk of the kernel's way is called.
//
//   name   veneer-NAME                        NAME: the disk's, chosen by the caller
//   UUID   VENEER-INSTANCE-NAME               whose it is: found by this, never by the name
//
// An origin longer than its image has a device of its own, shared by disks:
//
//   name   veneer-origin:LOOP:SECTORS         LOOP: the number of the image's loop device
//   UUID   VENEER-INSTANCE-origin:LOOP:SECTORS
//
// A disk's name has no colon, so that neither kind can be taken for the other. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace veneer::dm {

// kUsage unless it is [a-z0-9][a-z0-9._-]{0,62}; the message says so.
Result<void> RequireDiskName(std::string_view name);

// What the UUIDs of all devices of an instance start with.
std::string UuidPrefix(std::string_view instance);

struct DeviceNames {
  std::string name;
  std::string uuid;
};
DeviceNames NamesOfDisk(std::string_view instance, std::string_view disk);
DeviceNames NamesOfOrigin(std::string_view instance, unsigned loop, Sectors length);

// The disk that a UUID of this instance names; nothing for an origin's or another's.
std::optional<std::string> DiskOfUuid(std::string_view instance, std::string_view uuid);

// Whether a UUID of this instance is an origin's.
bool IsOriginUuid(std::string_view instance, std::string_view uuid);

}  // namespace veneer::dm
