#include "vm/vmm.h"

namespace veneer {

std::string_view NetworkName(VmNetwork network) {
  return network == VmNetwork::kNone ? "none" : "user";
}

std::string_view AccelerationName(VmAcceleration acceleration) {
  return acceleration == VmAcceleration::kKvm ? "kvm" : "emulation";
}

std::optional<VmNetwork> NetworkNamed(std::string_view name) {
  for (const VmNetwork each : {VmNetwork::kNone, VmNetwork::kUser}) {
    if (NetworkName(each) == name) return each;
  }
  return std::nullopt;
}

std::optional<VmAcceleration> AccelerationNamed(std::string_view name) {
  for (const VmAcceleration each : {VmAcceleration::kKvm, VmAcceleration::kEmulation}) {
    if (AccelerationName(each) == name) return each;
  }
  return std::nullopt;
}

}  // namespace veneer
