#include "images/image_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace veneer {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::size_t at;
  std::string_view bytes;
};

// tar: POSIX 1003.1 pax, "Header block"; GNU tar writes "ustar  ". Compressed: RFC 1952, the
// programs' own descriptions, RFC 8878.
constexpr Mark kQcow2Mark{0, "QFI\xfb"sv};
constexpr Mark kTarMark{257, "ustar"sv};

struct CompressionMark {
  Mark mark;
  Compression compression;
};
constexpr std::array kCompressionMarks = {
    CompressionMark{{0, "\x1f\x8b"sv}, Compression::kGzip},
    CompressionMark{{0, "BZh"sv}, Compression::kBzip2},
    CompressionMark{{0,
                     "\xfd"
                     "7zXZ\0"sv},
                    Compression::kXz},
    CompressionMark{{0, "\x28\xb5\x2f\xfd"sv}, Compression::kZstd},
};

// As QEMU's block drivers know them (block/vmdk.c, vhdx.c, vdi.c, vpc.c, qed.c).
struct ForeignMark {
  Mark mark;
  std::string_view name;
};
constexpr std::array kForeignMarks = {
    ForeignMark{{0, "KDMV"sv}, "VMDK"sv},
    ForeignMark{{0, "COWD"sv}, "VMDK"sv},
    ForeignMark{{0, "# Disk DescriptorFile"sv}, "VMDK"sv},
    ForeignMark{{0, "vhdxfile"sv}, "VHDX"sv},
    ForeignMark{{0, "conectix"sv}, "VHD"sv},
    ForeignMark{{0x40, "\x7f\x10\xda\xbe"sv}, "VDI"sv},
    ForeignMark{{0, "QED\0"sv}, "QED"sv},
};

bool Has(std::span<const std::byte> head, const Mark& mark) {
  if (head.size() < mark.at || head.size() - mark.at < mark.bytes.size()) return false;
  return std::ranges::equal(head.subspan(mark.at, mark.bytes.size()),
                            std::as_bytes(std::span(mark.bytes)));
}

}  // namespace

std::string_view FormatName(ImageFormat format) {
  switch (format) {
    case ImageFormat::kRaw:
      return "raw";
    case ImageFormat::kQcow2:
      return "qcow2";
    case ImageFormat::kTar:
      return "tar";
  }
  return "raw";
}

Result<DetectedFormat> DetectFormat(std::span<const std::byte> head, Bytes size) {
  if (Has(head, kQcow2Mark)) return DetectedFormat{.format = ImageFormat::kQcow2};
  if (Has(head, kTarMark)) return DetectedFormat{.format = ImageFormat::kTar};
  for (const auto& [mark, compression] : kCompressionMarks) {
    if (Has(head, mark)) return DetectedFormat{ImageFormat::kTar, compression};
  }
  for (const auto& [mark, name] : kForeignMarks) {
    if (!Has(head, mark)) continue;
    return Fail(ErrorKind::kUsage, fmt::format("it is a {} image", name),
                "convert it with qemu-img first: qemu-img convert -O qcow2 IMAGE IMAGE.qcow2");
  }
  if (size == Bytes(0)) {
    return Fail(ErrorKind::kUsage, "it is empty", "name a raw or qcow2 image, or a tar archive");
  }
  if (size % kSectorSize != Bytes(0)) {
    return Fail(ErrorKind::kUsage,
                fmt::format("its {} bytes are no qcow2 image, no tar archive, and no whole number "
                            "of 512-byte sectors",
                            size.value()),
                "name a raw or qcow2 image, or a tar archive; it may be truncated");
  }
  return DetectedFormat{};
}

}  // namespace veneer
