#include "backend/disk_backend.h"

#include <algorithm>

namespace veneer {

std::string_view BackendName(BackendKind kind) { return kind == BackendKind::kDm ? "dm" : "user"; }

std::string_view ExportName(ExportKind kind) { return kind == ExportKind::kNbd ? "nbd" : "fuse"; }

std::optional<ExportKind> ExportNamed(std::string_view name) {
  for (const ExportKind kind : {ExportKind::kFuse, ExportKind::kNbd}) {
    if (ExportName(kind) == name) return kind;
  }
  return std::nullopt;
}

Result<bool> DiskBackend::IsAttached(const std::string& path) {
  const std::vector<std::string> attached = VENEER_TRY(Attached());
  return std::ranges::find(attached, path) != attached.end();
}

}  // namespace veneer
