// How large images and stores are. One look at a file each; any thread; no root where the file may
// be read.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// Of an image: one fstat, or for a block device one ioctl. kNotFound: there is none.
Result<Bytes> OriginSize(const std::string& image);

struct StoreUsage {
  Bytes used;       // blocks that the file takes on its file system: st_blocks × 512
  Bytes changed;    // of the disk: chunks that are no longer the image's
  double fill = 0;  // 0 … 1 of what the store can hold; writes to unchanged chunks fail at 1
};

// Of a store, attached or not: an attached one tells what was flushed at some moment. Reads the
// store's metadata, 16 bytes for each changed chunk. kCorrupt: no store, or one that breaks the
// format.
Result<StoreUsage> DiskUsage(const std::string& store);

}  // namespace veneer
