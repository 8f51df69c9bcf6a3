// Whether KVM runs a guest: the device may be there and yet no guest get through its first moments,
// as on hosts that are virtual themselves. So one is run: the firmware loads a boot sector, and
// that ends the virtual machine with a status that says so.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "vm/vmm.h"

namespace veneer {

enum class KvmAnswer : std::uint8_t { kBoots, kNoDevice, kNoQemu, kNoBoot };

struct KvmProbe {
  KvmAnswer answer = KvmAnswer::kNoDevice;
  std::string detail;  // for people
};

// Takes up to ten seconds where a guest hangs. Any thread.
KvmProbe ProbeKvm();

// The best that this host has. What the probe found is kept below the run directory, for as long as
// the host is up: most calls cost nothing.
VmAcceleration BestAcceleration(const std::string& run_dir);

}  // namespace veneer
