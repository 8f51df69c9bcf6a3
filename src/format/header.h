// Chunk 0 of a store.
//
//   byte  0  le32  magic       0x70416e53, "SnAp"; 0: never activated, all bytes are 0
//         4  le32  valid       0: the kernel ran out of space or met an I/O error; data is lost
//         8  le32  version     1
//        12  le32  chunk size  in sectors of 512 bytes
//
//   byte 256  8 bytes  "VNR-ORIG"      the origin record: Veneer's own, optional. The kernel
//        264  le64     disk size        neither reads nor needs it (it writes zeros over it when
//        272  le64     ~disk size       it invalidates a store). See ADR 2.
//
//   byte 280  8 bytes  "VNR-IMAG"      only where the image is smaller than the disk: what lies
//        288  le64     image size       behind it reads as zeros. Who does not know this part
//        296  le64     ~image size      takes it for an image of the disk's size. See ADR 7.
//
// All parts lie in the first sector, so that a cut during the write of a header leaves the old one
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
  // No magic: an empty store, which the kernel activates when it loads it. Either all zeros, and
  // chunk size and the rest are defaults, or with all the rest of a header that has a record.
  kNever,
  kValid,    // in use
  kInvalid,  // the kernel gave it up
};

// What the origin record says.
struct RecordedSizes {
  Bytes origin_size;  // of the image that the store was made for
  Bytes disk_size;    // never below it; the disk reads as zeros from the image's end on

  bool operator==(const RecordedSizes&) const = default;
};

struct StoreHeader {
  Activation activation = Activation::kNever;
  ChunkSize chunk_size;
  std::optional<RecordedSizes> recorded;
};

// Bytes that DecodeHeader wants to see and EncodeHeader writes.
inline constexpr std::size_t kHeaderBytes = 4096;

// kCorrupt: too few bytes, another magic, another version, an impossible chunk size.
Result<StoreHeader> DecodeHeader(std::span<const std::byte> bytes);

// Fills all kHeaderBytes of `out`, as a valid or (kInvalid) an invalidated store; kNever without a
// record gives zeros. Precondition: the recorded image is not larger than the disk, and smaller
// only where it has bytes.
void EncodeHeader(const StoreHeader& header, std::span<std::byte, kHeaderBytes> out);

}  // namespace veneer
