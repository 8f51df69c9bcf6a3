// Create: a new, empty store for an origin.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "format/geometry.h"
#include "kernel/linux/new_file.h"

namespace veneer {

struct CreateOptions {
  ChunkSize chunk_size;
  Bytes origin_size;
  // Of the disk; the origin's where absent. kUsage where it is smaller than the origin, or larger
  // and not a multiple of the sector: no block device has such a size, and a disk that is not as
  // large as was asked for would be a surprise to whoever computed with it.
  std::optional<Bytes> disk_size{};
  // The most that may be rewritten; the whole disk where absent.
  std::optional<Bytes> max_change{};
};

// Makes the sparse file, durable, sized so that `max_change` fits with its metadata. Appears
// whole or not at all. Returns the file's size. kConflict where the path exists.
Result<Bytes> CreateStore(const std::string& path, const CreateOptions& options);

// The same, to be used at once and made durable meanwhile: a cut before that may leave the name
// without a header.
Result<UnsyncedFile> CreateUnsyncedStore(const std::string& path, const CreateOptions& options);

}  // namespace veneer
