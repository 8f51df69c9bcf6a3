#include "backend/disk_backend.h"

namespace veneer {

std::string_view BackendName(BackendKind kind) { return kind == BackendKind::kDm ? "dm" : "user"; }

}  // namespace veneer
