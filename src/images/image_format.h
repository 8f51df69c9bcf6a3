// What kind of image a file is, by its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

enum class ImageFormat : std::uint8_t {
  kRaw,    // a disk, byte for byte
  kQcow2,  // QEMU's
  kTar,    // the files of a root file system
};

enum class Compression : std::uint8_t { kNone, kGzip, kBzip2, kXz, kZstd };

struct DetectedFormat {
  ImageFormat format = ImageFormat::kRaw;
  Compression compression = Compression::kNone;  // of an archive

  bool operator==(const DetectedFormat&) const = default;
};

// As in JSON: "raw", "qcow2", "tar".
std::string_view FormatName(ImageFormat format);

// So much of the file's beginning decides.
inline constexpr Bytes kFormatHead{512};

// `head`: the first 512 bytes, or all of a smaller file. What is compressed counts as an archive
// and may turn out to be none. What has no mark is raw. kUsage: the formats of other hypervisors,
// named; an empty file; a raw one that is not whole sectors. Pure and total.
Result<DetectedFormat> DetectFormat(std::span<const std::byte> head, Bytes size);

}  // namespace veneer
