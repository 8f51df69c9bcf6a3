// The backends that a host agent has at hand, and the choice among them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backend/disk_backend.h"
#include "base/result.h"

namespace veneer {

enum class BackendChoice : std::uint8_t {
  kAuto,  // dm where this host has it, else user
  kDm,
  kUser,
};

// kUsage unless it is "auto", "dm" or "user".
Result<BackendChoice> BackendChoiceNamed(std::string_view name);

class BackendSet {
 public:
  BackendSet(DiskBackend& dm, DiskBackend& user) : dm_(dm), user_(user) {}

  // One that works on this host, and shows a disk so. kUnsupported: it does not; the hint says what
  // to load or install. kUsage: NBD and dm do not go together.
  [[nodiscard]] Result<DiskBackend*> Choose(BackendChoice choice,
                                            ExportKind export_kind = ExportKind::kFuse);

  // The one of a record ("dm", "user"), whether it works here or not. kCorrupt: neither.
  [[nodiscard]] Result<DiskBackend*> Named(std::string_view name);

 private:
  DiskBackend& dm_;
  DiskBackend& user_;
};

}  // namespace veneer
