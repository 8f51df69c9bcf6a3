// The digest of an image: SHA-256 of its size and its data, in time that follows the data.
//
// Hashed are, little-endian: "veneer-image-1\0\0", the size in bytes (u64), and for each block of
// 64 KiB that is not all zeros: its number (u64) and its bytes (the last one may be short). Two
// images have one digest if and only if they read the same, however their holes and extents lie.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "kernel/file.h"

namespace veneer {

// "sha256:" and 64 hex digits. Holes are not read. `progress`: (bytes done, bytes in all), now and
// then; may be empty. Blocks; one thread.
Result<std::string> DigestOf(const File& image,
                             const std::function<void(Bytes, Bytes)>& progress = {});

}  // namespace veneer
