// LoopControl on Linux: LOOP_CTL_GET_FREE, LOOP_CONFIGURE (Linux 5.8), /sys/block/loopN/loop.
//
// Where /dev is not kept by the kernel (a container) missing nodes are made.
#pragma once

#include <chrono>

#include "kernel/loop_control.h"

namespace veneer {

class LinuxLoopControl final : public LoopControl {
 public:
  // `patience`: how long Detach waits for the last opener (udev's blkid holds a device shortly).
  explicit LinuxLoopControl(std::chrono::milliseconds patience = std::chrono::seconds(3))
      : patience_(patience) {}

  Result<LoopDevice> Attach(const std::string& file, const LoopOptions& options) override;
  Result<HeldLoop> AttachHeld(const LinuxFile& file, const LoopOptions& options) override;
  Result<HeldLoop> Hold(unsigned number, const FileIdentity& file) override;
  [[nodiscard]] Result<std::vector<LoopDevice>> Find(const FileIdentity& file,
                                                     const std::string& path) const override;
  [[nodiscard]] Result<std::string> BackingFile(const std::string& device) const override;
  Result<void> UpdateSize(const LoopDevice& device) override;
  Result<void> Detach(const LoopDevice& device, OnWriteError on_write_error) override;

 private:
  std::chrono::milliseconds patience_;
};

}  // namespace veneer
