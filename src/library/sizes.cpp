#include "library/sizes.h"

#include "cow/store_info.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

Result<Bytes> OriginSize(const std::string& image) {
  const auto file = VENEER_TRY(LinuxFile::Open(image, Access::kReadOnly));
  return file->Size();
}

Result<StoreUsage> DiskUsage(const std::string& store) {
  const auto file = VENEER_TRY(LinuxFile::Open(store, Access::kReadOnly));
  const auto info = ReadStoreInfo(*file);
  if (!info) return Fail(InContext(info.error(), store));
  return StoreUsage{.used = VENEER_TRY(file->AllocatedBytes()),
                    .changed = info->data,
                    .fill = FillOf(*info).fill()};
}

}  // namespace veneer
