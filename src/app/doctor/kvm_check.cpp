// What the probe of the virtual machines' room found, for people.
#include "app/doctor/host_check.h"
#include "vm/qemu/kvm_probe.h"

namespace veneer {

HostCheck CheckKvm() {
  KvmProbe probe = ProbeKvm();
  HostCheck check{
      .name = "kvm", .ok = probe.answer == KvmAnswer::kBoots, .detail = std::move(probe.detail)};
  if (probe.answer == KvmAnswer::kNoQemu) {
    check.hint = "apt-get install qemu-system-x86";
  } else if (!check.ok) {
    check.hint = "virtual machines are emulated: slower, and all else the same";
  }
  return check;
}

}  // namespace veneer
