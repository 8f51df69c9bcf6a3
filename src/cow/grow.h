// How large a store must be, and making one larger.
#pragma once

#include <cstdint>
#include <limits>

#include "base/result.h"
#include "base/units.h"
#include "cow/store_fill.h"
#include "format/geometry.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

// As `max_change`: every chunk of the disk.
inline constexpr Bytes kWholeDisk{std::numeric_limits<std::int64_t>::max()};

// The file in which `max_change` bytes of a disk of `disk_size` can be changed, with the metadata
// for them; more than the disk has counts as all of it. Never the forbidden size (docs/format.md).
// kUsage where it would exceed the largest file. Pure.
Result<Bytes> StoreSizeFor(const Geometry& geometry, Bytes disk_size, Bytes max_change);

// Lengthens the file to `size` by a hole, durably; one that is as long already stays as it is.
// The file may be in use. kNoSpace where its file system cannot hold a file of that length;
// kUnsupported for a block device. Blocks on the file.
Result<void> LengthenStore(LinuxFile& store, Bytes size);

// The same, not durable yet: for a file whose open description is the engine's. The kernel tells a
// description once that it lost something, and the engine must be the one to hear it, so the sync
// is CowDisk::UpdateStoreSize's.
Result<void> LengthenServedStore(LinuxFile& store, Bytes size);

// Lengthens a store that is not attached, so that `max_change` bytes in all can be changed, and
// tells how full it is then. Where that much fits already nothing happens. kConflict: it is
// attached; kCorrupt: no store, or an invalid one; kUsage: it does not say how large its disk is,
// and `max_change` is kWholeDisk. `store` is open for writing; it is locked from then on.
Result<StoreFill> GrowStore(LinuxFile& store, Bytes max_change);

}  // namespace veneer
