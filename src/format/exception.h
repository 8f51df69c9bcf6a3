// One remapped chunk, and how a metadata area holds them.
//
//   byte 0  le64  old: the origin chunk
//        8  le64  new: the store chunk; 0 ends the list
//
// An area is one chunk of such entries, in the order in which they were made. Source: Linux
// drivers/md/dm-snap-persistent.c, struct disk_exception. Decoding is total; no system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/units.h"
#include "format/geometry.h"

namespace veneer {

struct Exception {
  OriginChunk origin;
  StoreChunk store;

  bool operator==(const Exception&) const = default;
};

// The entry in `slot`, nullopt where it ends the list. Precondition: the slot lies in `area`.
std::optional<Exception> DecodeException(std::span<const std::byte> area, std::uint64_t slot);

// Precondition: the slot lies in `area`, and exception.store is not chunk 0.
void EncodeException(const Exception& exception, std::span<std::byte> area, std::uint64_t slot);

}  // namespace veneer
