// Holders on Linux: /proc/PID/{fd,maps,mountinfo}, /proc/swaps, /sys/block/*.
#pragma once

#include "kernel/holders.h"
#include "kernel/loop_control.h"

namespace veneer {

class LinuxHolders final : public Holders {
 public:
  // `loops` finds the loop devices on a file; it outlives this object.
  explicit LinuxHolders(const LoopControl& loops) : loops_(loops) {}

  [[nodiscard]] std::vector<Holder> OfFile(const FileIdentity& file,
                                           const std::string& path) const override;
  [[nodiscard]] std::vector<Holder> OfBlockDevice(const std::string& path,
                                                  dev_t device) const override;

 private:
  const LoopControl& loops_;
};

// "held by pid 812 (fio)".
Holder HolderNamed(pid_t process);

}  // namespace veneer
