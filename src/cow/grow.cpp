#include "cow/grow.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "cow/exception_reader.h"
#include "cow/exception_rules.h"
#include "cow/store_info.h"

namespace veneer {
namespace {

Result<Bytes> DiskSizeIn(const StoreHeader& header, const LinuxFile& store, Bytes max_change) {
  if (header.recorded) return header.recorded->disk_size;
  if (max_change < kWholeDisk) return kWholeDisk;
  return Fail(ErrorKind::kUsage, fmt::format("{} does not say how large its disk is", store.name()),
              "say with --max-change how much may change");
}

}  // namespace

Result<Bytes> StoreSizeFor(const Geometry& geometry, Bytes disk_size, Bytes max_change) {
  return geometry.StoreBytesFor(geometry.ChunksFor(std::min(max_change, disk_size)));
}

Result<void> LengthenServedStore(LinuxFile& store, Bytes size) {
  const Bytes now = VENEER_TRY(store.Size());
  if (now >= size) return {};
  struct stat status{};
  if (::fstat(store.fd().get(), &status) == 0 && S_ISBLK(status.st_mode)) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("{} is a block device of {} bytes; {} would be needed", store.name(),
                            now.value(), size.value()),
                "make the device larger");
  }
  return store.Resize(size);
}

Result<void> LengthenStore(LinuxFile& store, Bytes size) {
  VENEER_TRY(LengthenServedStore(store, size));
  return store.Sync();
}

Result<StoreFill> GrowStore(LinuxFile& store, Bytes max_change) {
  VENEER_TRY(store.TryLock(LinuxFile::Lock::kExclusive));
  const StoreHeader header = VENEER_TRY(ReadHeader(store));
  VENEER_TRY(RequireValid(header));
  const Bytes disk_size = VENEER_TRY(DiskSizeIn(header, store, max_change));
  const Geometry geometry(header.chunk_size);
  const Bytes size = VENEER_TRY(StoreSizeFor(geometry, disk_size, max_change));
  // Before it grows: what is no sound store stays as it is.
  VENEER_TRY(ReadStoreInfo(store));
  VENEER_TRY(LengthenStore(store, size));
  const StoreInfo info = VENEER_TRY(ReadStoreInfo(store));
  return FillOf(info);
}

}  // namespace veneer
