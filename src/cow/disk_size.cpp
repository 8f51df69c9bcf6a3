#include "cow/disk_size.h"

#include <fmt/format.h>

namespace veneer {

Result<Bytes> DiskSizeOf(const StoreHeader& header, Bytes image_size) {
  if (!header.recorded) return image_size;
  if (header.recorded->origin_size == image_size) return header.recorded->disk_size;
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the store was made for an origin of {} bytes, this one has {}",
                          header.recorded->origin_size.value(), image_size.value()),
              "name the image that the store was created with");
}

Result<void> RequireDiskSize(const StoreHeader& header, Bytes disk_size) {
  if (!header.recorded || header.recorded->disk_size == disk_size) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the store was made for a disk of {} bytes, this one has {}",
                          header.recorded->disk_size.value(), disk_size.value()),
              "name the image that the store was created with");
}

}  // namespace veneer
