// How large the disk is that a store and its image make.
#pragma once

#include "base/result.h"
#include "base/units.h"
#include "format/header.h"

namespace veneer {

// The size of the disk: the recorded one, or the image's where nothing is recorded. Never below
// `image_size`; what lies behind the image reads as zeros. kCorrupt: the store was made for an
// image of another size.
Result<Bytes> DiskSizeOf(const StoreHeader& header, Bytes image_size);

// kCorrupt unless the disk of the store has this size, where one is recorded.
Result<void> RequireDiskSize(const StoreHeader& header, Bytes disk_size);

}  // namespace veneer
