#include "library/flatten.h"

#include "cow/flatten.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

Result<FlattenReport> Flatten(const FlattenPaths& paths, const FlattenOptions& options) {
  const auto origin = VENEER_TRY(LinuxFile::Open(paths.origin, Access::kReadOnly));
  const auto store = VENEER_TRY(LinuxFile::Open(paths.store, Access::kReadOnly));
  VENEER_TRY(store->TryLock(LinuxFile::Lock::kShared));
  return Flatten(*origin, *store, paths.output, options);
}

}  // namespace veneer
