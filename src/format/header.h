// Chunk 0 of a store.
//
//   byte  0  le32  magic       0x70416e53, "SnAp"; 0: never activated, all bytes are 0
//         4  le32  valid       0: the kernel ran out of space or met an I/O error; data is lost
//         8  le32  version     1
//        12  le32  chunk size  in sectors of 512 bytes
//
//   byte 256  8 bytes  "VNR-ORIG"      the origin record: Veneer's own, optional. The kernel
//        264  le64     origin size      neither reads nor needs it (it writes zeros over it when
//        272  le64     ~origin size     it invalidates a store). See ADR 2.
//
// Both parts lie in the first sector, so that a cut during the write of a header leaves the old one
// or the new one.
//
// Source of the first part: Linux drivers/md/dm-snap-persistent.c, struct disk_header.
// Decoding is total: any bytes give a header or an error. No system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/units.h"
#include "format/geometry.h"

namespace veneer {

enum class Activation : std::uint8_t {
  kNever,    // all zeros so far: an empty store; chunk size and the rest are defaults
  kValid,    // in use
  kInvalid,  // the kernel gave it up
};

struct StoreHeader {
  Activation activation = Activation::kNever;
  ChunkSize chunk_size;
  // The size of the disk the store was made for, where it is recorded.
  std::optional<Bytes> origin_size;
};

// Bytes that DecodeHeader wants to see and EncodeHeader writes.
inline constexpr std::size_t kHeaderBytes = 4096;

// kCorrupt: too few bytes, another magic, another version, an impossible chunk size.
Result<StoreHeader> DecodeHeader(std::span<const std::byte> bytes);

// Fills all kHeaderBytes of `out`, as a valid or (kInvalid) an invalidated store; kNever gives
// zeros.
void EncodeHeader(const StoreHeader& header, std::span<std::byte, kHeaderBytes> out);

}  // namespace veneer
