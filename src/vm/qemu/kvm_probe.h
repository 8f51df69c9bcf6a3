// Whether KVM runs a guest: the device may be there and yet no guest get through its first moments,
// as on hosts that are virtual themselves. So guests are run: a boot sector, which ends the virtual
// machine with a status that says so; then the very kernel that is to be booted, without a root,
// which must come as far as to miss it (some hosts run the first and hang in the second).
//
// A kernel that writes nothing to the first serial line counts as one that does not boot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vm/vmm.h"

namespace veneer {

enum class KvmAnswer : std::uint8_t { kBoots, kNoDevice, kNoQemu, kNoKernel, kNoBoot };

struct KvmProbe {
  KvmAnswer answer = KvmAnswer::kNoDevice;
  std::string detail;  // for people
};

// `kernel`: the file of one; where it is empty nothing better than kNoKernel is found. Takes up to
// ten seconds where a guest hangs. Any thread.
KvmProbe ProbeKvm(const std::string& kernel);

// The best that this host has for a kernel. What the probe found is kept below the run directory,
// for as long as the host is up: most calls cost nothing.
VmAcceleration BestAcceleration(const std::string& run_dir, const std::string& kernel);

// What is kept: the boot's id in a line, then a line for each kernel's file, "kvm NAME" or
// "emulation NAME". Notes of another boot count for nothing.
std::optional<VmAcceleration> NotedAcceleration(std::string_view notes, std::string_view boot,
                                                std::string_view kernel);
std::string NoteAcceleration(std::string_view notes, std::string_view boot, std::string_view kernel,
                             VmAcceleration found);

}  // namespace veneer
