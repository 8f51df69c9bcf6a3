// DeviceMapper on Linux ≥ 5.15: devices change by ioctls, libdevmapper asks for their state and
// keeps udev's cookies.
//
// Where udev runs it makes the nodes, is told not to probe our devices, and is waited for; where it
// does not, or is too slow, they are made here.
//
// Threads create and remove devices at once, each in the kernel: its waits overlap. Only Query and
// RequireTarget wait for each other, in the whole process (dm_library.h); they are short.
#pragma once

#include <chrono>

#include "base/unique_fd.h"
#include "kernel/device_mapper.h"

namespace veneer {

class LinuxDeviceMapper final : public DeviceMapper {
 public:
  // `udev_patience`: how long udev is waited for. It has much to do where many devices come and go.
  explicit LinuxDeviceMapper(std::chrono::milliseconds udev_patience = std::chrono::seconds(10))
      : udev_patience_(udev_patience) {}

  Result<void> RequireTarget(const std::string& type) override;
  Result<DmDevice> Create(const DmSpec& spec) override;
  Result<void> Remove(const std::string& name) override;
  [[nodiscard]] Result<std::vector<DmDevice>> List(const std::string& uuid_prefix) override;
  [[nodiscard]] Result<DmState> Query(const std::string& name) override;
  Result<void> Suspend(const std::string& name) override;
  Result<void> Resume(const std::string& name) override;

 private:
  Result<DmDevice> LoadAndStart(const UniqueFd& control, const DmSpec& spec);
  Result<void> RemoveDevice(const UniqueFd& control, const std::string& name);

  std::chrono::milliseconds udev_patience_;
};

}  // namespace veneer
