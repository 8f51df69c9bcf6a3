// FakeDeviceMapper: a working model of device-mapper, for tests.
//
// As in the kernel, a device is open as long as somebody holds what Open returned or another
// device's table names it, and then cannot be removed; a table that names a loop device (7:N) is an
// opener of that, and one that names a device of the model (1000:N) of this. Tables are checked as
// the targets linear, zero and snapshot do, and more strictly in one thing: a loop device without a
// file is refused (the kernel takes it, and all I/O fails). Nothing can be read through a device,
// and it has no node.
//
// Any thread; the loops outlive the object.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/device_mapper.h"
#include "kernel/testing/fake_loop_control.h"
#include "kernel/testing/kernel_faults.h"

namespace veneer::testing {

class FakeDeviceMapper final : public DeviceMapper {
 public:
  // A fault after Create has taken effect leaves the device, as where undoing it failed too.
  FakeDeviceMapper(FakeLoopControl& loops, KernelFaults& faults) : loops_(loops), faults_(faults) {}

  Result<void> RequireTarget(const std::string& type) override;
  Result<DmDevice> Create(const DmSpec& spec) override;
  Result<void> Remove(const std::string& name) override;
  [[nodiscard]] Result<std::vector<DmDevice>> List(const std::string& uuid_prefix) override;
  [[nodiscard]] Result<DmState> Query(const std::string& name) override;
  Result<void> Suspend(const std::string& name) override;
  Result<void> Resume(const std::string& name) override;

  // What there is now.
  [[nodiscard]] bool Has(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> Names() const;
  [[nodiscard]] std::vector<DmTarget> TableOf(const std::string& name) const;
  [[nodiscard]] bool IsSuspended(const std::string& name) const;

  // Opens a device as a virtual machine does, until what is returned is gone. Null: no such device.
  [[nodiscard]] std::shared_ptr<const void> Open(const std::string& name);

  // What a snapshot of this name tells from now on, also one that is made later: "16/1024 16",
  // "Invalid", "Overflow". As long as none is set it is as good as new.
  void SetStatus(const std::string& name, const std::string& status);

  // A device without a table, as a kill in the midst of Create leaves it.
  void LeaveHalfMade(const std::string& name, const std::string& uuid);

  // As though the kernel had no such target.
  void Lack(const std::string& target);

 private:
  struct Device {
    DmDevice device;
    std::vector<DmTarget> table{};
    std::vector<dev_t> below{};                                    // what the table has open
    std::shared_ptr<const void> opened = std::make_shared<int>();  // a copy for each opener
    std::size_t tables = 0;                                        // devices on top
    bool suspended = false;

    [[nodiscard]] Sectors size() const;
    [[nodiscard]] std::size_t openers() const;
  };

  [[nodiscard]] Result<void> CheckFree(const DmSpec& spec) const;
  // Opens what the table names into `below`; on failure too what has been opened is there.
  Result<void> Load(const std::vector<DmTarget>& table, std::vector<dev_t>& below);
  Result<Sectors> OpenBelow(const std::string& number, std::vector<dev_t>& below);
  Result<void> LoadTarget(const DmTarget& target, std::vector<dev_t>& below);
  void CloseBelow(const std::vector<dev_t>& below);
  Device& Insert(const std::string& name, const std::string& uuid);
  [[nodiscard]] std::string StatusOf(const Device& device, const DmTarget& target) const;
  Result<void> Switch(KernelVerb verb, const std::string& name);

  FakeLoopControl& loops_;
  KernelFaults& faults_;
  mutable std::mutex mutex_;
  std::map<std::string, Device> devices_;
  std::map<std::string, std::string> statuses_;
  std::set<std::string> lacking_;
};

}  // namespace veneer::testing
