// DmBackend with the ports of this host's kernel.
#pragma once

#include <chrono>
#include <utility>

#include "backend/dm/dm_backend.h"
#include "backend/run_claim.h"
#include "kernel/linux/linux_device_mapper.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"

namespace veneer {

struct LinuxDmPorts {
  LinuxDeviceMapper devices{};
  LinuxLoopControl loops{};
  LinuxHolders holders{loops};

  [[nodiscard]] DmPorts ports() { return {.devices = devices, .loops = loops, .holders = holders}; }
};

// The ports are a base, so that they are there before the backend and after it.
class HostDmBackend final : private LinuxDmPorts, public DmBackend {
 public:
  // `claim`: of the run directory, which it keeps; nothing where the caller has it.
  explicit HostDmBackend(DmPlace place, std::chrono::milliseconds patience = kDetachPatience,
                         RunClaim claim = RunClaim())
      : DmBackend(LinuxDmPorts::ports(), std::move(place), patience), claim_(std::move(claim)) {}

  using LinuxDmPorts::ports;

 private:
  RunClaim claim_;
};

}  // namespace veneer
