#include "sandbox/backend_set.h"

#include <fmt/format.h>

namespace veneer {

Result<BackendChoice> BackendChoiceNamed(std::string_view name) {
  if (name == "auto") return BackendChoice::kAuto;
  if (name == BackendName(BackendKind::kDm)) return BackendChoice::kDm;
  if (name == BackendName(BackendKind::kUser)) return BackendChoice::kUser;
  return Fail(ErrorKind::kUsage, fmt::format("--backend {}: no such backend", name),
              "choose auto, dm or user");
}

Result<DiskBackend*> BackendSet::Choose(BackendChoice choice, ExportKind export_kind) {
  if (export_kind == ExportKind::kNbd) {
    if (choice != BackendChoice::kDm) return &user_;  // what it takes shows when it attaches
    return Fail(ErrorKind::kUsage, "--backend dm has no NBD: its disks are block devices",
                "leave out --export nbd, or take --backend user");
  }
  if (choice != BackendChoice::kUser) {
    const Result<void> usable = dm_.RequireHost();
    if (usable) return &dm_;
    if (choice == BackendChoice::kDm) return Fail(usable.error());
  }
  VENEER_TRY(user_.RequireHost());
  return &user_;
}

Result<DiskBackend*> BackendSet::Named(std::string_view name) {
  if (name == BackendName(BackendKind::kDm)) return &dm_;
  if (name == BackendName(BackendKind::kUser)) return &user_;
  return Fail(ErrorKind::kCorrupt, fmt::format("the catalog names a backend '{}'", name));
}

}  // namespace veneer
