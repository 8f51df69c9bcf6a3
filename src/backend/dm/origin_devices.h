// OriginDevices: template images as block devices, shared by the disks over them.
//
// Each image has one read-only, buffered loop device for at most 16 disks: the page cache is the
// image's, so that all loops share it, while the kernel's list of the snapshots of one origin is
// linear. A disk longer than its image has a device `linear` + `zero` over that loop, shared in
// the same way.
//
// Nobody counts: a loop device clears itself when the last table lets go of it, and a padded
// origin that is in use cannot be removed. `<run>/dm/origins/KEY` notes the loops that were made
// for an image; it saves looking through all of them, and is never trusted.
//
// The caller holds LockRunDirectory(directory) for every verb. Blocks on the kernel.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "kernel/device_mapper.h"
#include "kernel/linux/linux_file.h"
#include "kernel/loop_control.h"

namespace veneer::dm {

struct OriginDevice {
  dev_t device = 0;
  std::string path{};                   // its node
  std::optional<std::string> padded{};  // its name, where it is a device-mapper device
  std::vector<UniqueFd> holds{};        // keep it there until a table does; see Take
};

// kUsage unless it is a positive multiple of a sector.
Result<void> RequireWholeSectors(const std::string& image, Bytes size);

class OriginDevices {
 public:
  // `directory`: <run>/dm. The ports outlive it.
  OriginDevices(LoopControl& loops, DeviceMapper& devices, std::string instance,
                std::string directory)
      : loops_(loops),
        devices_(devices),
        instance_(std::move(instance)),
        directory_(std::move(directory)) {}

  // A device for the image, which reads as zeros from its end to `disk_size`. Both sizes are
  // multiples of a sector. An image that is a block device is taken as it is.
  Result<OriginDevice> Take(const LinuxFile& image, Bytes image_size, Bytes disk_size);

  // Removes a padded origin unless it is in use.
  void ReleasePadded(const std::string& name);

  // Forgets the loops of images that have none any more.
  void ForgetCleared();

 private:
  [[nodiscard]] std::string NotePath(const FileIdentity& image) const;
  [[nodiscard]] std::vector<unsigned> NotedLoops(const std::string& note) const;
  Result<void> Note(const std::string& path, const std::vector<unsigned>& loops) const;
  Result<std::optional<OriginDevice>> Share(HeldLoop loop, Sectors image, Sectors disk);
  Result<std::optional<OriginDevice>> SharePadded(HeldLoop loop, Sectors image, Sectors disk);

  LoopControl& loops_;
  DeviceMapper& devices_;
  std::string instance_;
  std::string directory_;
};

}  // namespace veneer::dm
