// Mounts: the port to the mount table of this process's mount namespace.
//
// Verbs block as long as the kernel does (an unmount writes back what is dirty). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/mount_table.h"

namespace veneer {

enum class UnmountMode : std::uint8_t {
  kNormal,  // kConflict where something in it is open
  kLazy,    // takes it out of sight at once; the kernel lets go when the last user does
};

class Mounts {
 public:
  Mounts() = default;
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;
  virtual ~Mounts() = default;

  [[nodiscard]] virtual Result<std::vector<MountEntry>> List() const = 0;

  // The topmost mount at exactly this path (absolute, without symbolic links), if any.
  [[nodiscard]] virtual Result<std::optional<MountEntry>> At(const std::string& path) const = 0;

  // kNotFound where nothing is mounted at `path`, kConflict where it is in use.
  virtual Result<void> Unmount(const std::string& path, UnmountMode mode) = 0;
};

}  // namespace veneer
