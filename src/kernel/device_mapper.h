// DeviceMapper: the port to the kernel's device-mapper.
//
// A device has a name, a UUID that says whose it is, and a table of targets. The caller names
// devices by name; ownership is looked up by UUID, never by name. Lengths in tables are sectors.
//
// Verbs block on the kernel: Create and Remove for tens of milliseconds, Suspend until I/O that is
// under way has ended. Any thread. Errors: kUnsupported where there is no device-mapper, kNotFound
// for an unknown name, kConflict as said below, kFailed for the rest.
// The fake in kernel/testing is a working model.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

// One line of a table or of a status: "0 8192 snapshot 7:1 7:2 PO 8".
struct DmTarget {
  Sectors start;
  Sectors length;
  std::string type;    // "snapshot"
  std::string params;  // what follows, in the target's own words

  bool operator==(const DmTarget&) const = default;
};

struct DmDevice {
  std::string name;
  std::string uuid;
  dev_t device = 0;

  // "/dev/mapper/NAME"
  [[nodiscard]] std::string Path() const { return "/dev/mapper/" + name; }
};

struct DmSpec {
  std::string name;  // at most 127 bytes, no '/'
  std::string uuid;  // at most 128 bytes
  std::vector<DmTarget> table;
  Access access = Access::kReadWrite;
};

struct DmState {
  DmDevice device;
  std::uint32_t open_count = 0;
  bool suspended = false;
  std::vector<DmTarget> status;  // one for each target of the live table; params are its status
};

class DeviceMapper {
 public:
  DeviceMapper() = default;
  DeviceMapper(const DeviceMapper&) = delete;
  DeviceMapper& operator=(const DeviceMapper&) = delete;
  virtual ~DeviceMapper() = default;

  // Loads the target's module where needed and possible. kUnsupported: no device-mapper, or no
  // such target; the hint says what to load.
  virtual Result<void> RequireTarget(const std::string& type) = 0;

  // Creates the device, loads its table and starts it; its node is there when this returns. A step
  // that fails undoes those before it. kConflict where name or UUID is taken.
  virtual Result<DmDevice> Create(const DmSpec& spec) = 0;

  // Removes the device and its node. kConflict at once where somebody has it open. With kNotFound a
  // node that a killed command left is removed all the same.
  virtual Result<void> Remove(const std::string& name) = 0;

  // The devices whose UUID starts with `uuid_prefix`.
  [[nodiscard]] virtual Result<std::vector<DmDevice>> List(const std::string& uuid_prefix) = 0;

  // One device and the status of its targets. Never waits for I/O to be flushed.
  [[nodiscard]] virtual Result<DmState> Query(const std::string& name) = 0;

  // Holds all I/O to the device back, after what is under way; nothing is lost, its users wait.
  // File systems on it are not frozen (their owner is a virtual machine). A device that is
  // suspended already is fine.
  virtual Result<void> Suspend(const std::string& name) = 0;

  // Lets I/O go on. A device that runs is fine.
  virtual Result<void> Resume(const std::string& name) = 0;
};

}  // namespace veneer
