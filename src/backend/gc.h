// What a search for things that nobody owns has found, and done about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace veneer {

enum class GcMode : std::uint8_t {
  kLook,  // changes nothing, and says what would be removed
  kRemove,
};

struct GcFinding {
  std::string object;  // "device veneer-a", "disk /run/a.img"
  std::string reason;  // why it goes, or is kept
};

struct GcReport {
  std::vector<std::string> adopted;  // disks that live and are left as they are
  std::vector<GcFinding> removed;
  std::vector<GcFinding> kept;  // that nobody owns, but which are in use
};

}  // namespace veneer
