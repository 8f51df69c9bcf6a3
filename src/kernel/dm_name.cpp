#include "kernel/dm_name.h"

#include <fmt/format.h>

namespace veneer {
namespace {

// DM_NAME_LEN and DM_UUID_LEN of the kernel's interface, less the NUL.
constexpr std::size_t kLongestName = 127;
constexpr std::size_t kLongestUuid = 128;

constexpr char kNul = '\0';

}  // namespace

Result<void> CheckDmName(const std::string& name) {
  const bool reserved = name.empty() || name == "." || name == ".." || name == "control";
  if (reserved || name.find('/') != std::string::npos || name.find(kNul) != std::string::npos) {
    return Fail(ErrorKind::kUsage, fmt::format("\"{}\" cannot be the name of a device", name),
                "use letters, digits, '-', '_' and '.'");
  }
  if (name.size() <= kLongestName) return {};
  return Fail(ErrorKind::kUsage,
              fmt::format("the device's name has {} bytes: {}", name.size(), name),
              fmt::format("use at most {}", kLongestName));
}

Result<void> CheckDmUuid(const std::string& uuid) {
  if (uuid.size() <= kLongestUuid && uuid.find(kNul) == std::string::npos) return {};
  return Fail(ErrorKind::kUsage,
              fmt::format("the device's UUID has {} bytes: {}", uuid.size(), uuid),
              fmt::format("use at most {}", kLongestUuid));
}

}  // namespace veneer
