// Mounts on Linux: /proc/self/mountinfo, umount2(2), and fusermount3 for a FUSE mount of a user
// who is not root.
#pragma once

#include "kernel/mounts.h"

namespace veneer {

class LinuxMounts final : public Mounts {
 public:
  [[nodiscard]] Result<std::vector<MountEntry>> List() const override;
  [[nodiscard]] Result<std::optional<MountEntry>> At(const std::string& path) const override;
  Result<void> Unmount(const std::string& path, UnmountMode mode) override;
};

}  // namespace veneer
