// The table and the status of the kernel's snapshot target, as text.
//
//   table    0 LENGTH snapshot ORIGIN COW PO CHUNK 1 discard_zeroes_cow
//            devices as MAJOR:MINOR, CHUNK in sectors
//   status   USED/TOTAL METADATA                         sectors of the store
//            Invalid | Overflow | Merge failed | Unknown
//
// P: the exceptions persist; O: an overflow is a state of its own that can be mended, where a store
// without the O is invalid for ever. discard_zeroes_cow (Linux 5.3): a discard of changed chunks
// gives their blocks back to the host. Source: Linux Documentation/admin-guide/device-mapper/
// snapshot.rst and snapshot_status() in drivers/md/dm-snap.c.
// Pure; parsing is total.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "backend/disk_backend.h"
#include "base/result.h"
#include "base/units.h"
#include "format/geometry.h"
#include "kernel/device_mapper.h"

namespace veneer::dm {

inline constexpr std::string_view kSnapshotTarget = "snapshot";

struct SnapshotDevices {
  dev_t origin = 0;
  dev_t store = 0;
};

// The table of a disk of `length`.
std::vector<DmTarget> SnapshotTable(const SnapshotDevices& devices, Sectors length,
                                    ChunkSize chunk_size);

// The table of an origin of `length`, of which the first `image` are on a device, and zeros follow.
std::vector<DmTarget> PaddedOriginTable(dev_t image_device, Sectors image, Sectors length);

// How full the store is. kFailed where the text is no status of a snapshot.
Result<DiskFill> ParseSnapshotStatus(std::string_view params);

// That of a device whose table is one snapshot. kCorrupt for another table.
Result<DiskFill> FillOf(const DmState& state);

}  // namespace veneer::dm
