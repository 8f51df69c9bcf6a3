#include "vm/qemu/kvm_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/unique_fd.h"
#include "kernel/linux/child_process.h"
#include "kernel/linux/read_text.h"
#include "vm/qemu/machine.h"
#include "vm/qemu/message.h"
#include "vm/qemu/vm_files.h"

namespace veneer {
namespace {

// QEMU's isa-debug-exit ends with (value << 1) | 1.
constexpr int kGuestStatus = (0x10 << 1) | 1;
constexpr int kTimedOut = 124;

// A disk of one sector:  mov al, 0x10; mov dx, 0xf4; out dx, al; hlt
Result<UniqueFd> MakeBootSector() {
  constexpr std::array<unsigned char, 7> kCode{0xb0, 0x10, 0xba, 0xf4, 0x00, 0xee, 0xf4};
  std::array<unsigned char, 512> sector{};
  std::ranges::copy(kCode, sector.begin());
  sector[510] = 0x55;  // the mark of a boot sector
  sector[511] = 0xaa;
  UniqueFd fd(::memfd_create("boot", MFD_CLOEXEC));
  if (!fd.valid() || ::write(fd.get(), sector.data(), sector.size()) < 0) {
    return FailErrno(errno, "make a boot sector in memory");
  }
  return fd;
}

Result<ChildEnd> BootOnce() {
  const UniqueFd sector = VENEER_TRY(MakeBootSector());
  const std::string drive = fmt::format("file={},format=raw,if=ide", InheritedPath(0));
  return RunChild(
      {.argv = {"timeout", "--kill-after=2", "10", kQemu, "-accel", "kvm", "-cpu", "host", "-m",
                "64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-device",
                "isa-debug-exit,iobase=0xf4,iosize=1", "-drive", drive},
       .package = "coreutils",
       .files = {&sector}});
}

std::string FirstLine(const std::string& text) {
  return Printable(text.substr(0, text.find('\n')));
}

}  // namespace

KvmProbe ProbeKvm() {
  const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return {KvmAnswer::kNoDevice, "/dev/kvm cannot be opened"};
  if (!PathOfProgram(kQemu, kQemuPackage)) {
    return {KvmAnswer::kNoQemu,
            "/dev/kvm is there; whether it runs a guest was not tried without QEMU"};
  }
  const Result<ChildEnd> end = BootOnce();
  if (!end) return {KvmAnswer::kNoBoot, end.error().what};
  if (end->status == kGuestStatus) return {KvmAnswer::kBoots, "a guest boots with KVM"};
  if (end->status == kTimedOut) {
    return {KvmAnswer::kNoBoot, "/dev/kvm is there, but a guest hangs"};
  }
  return {KvmAnswer::kNoBoot,
          fmt::format("/dev/kvm is there, but runs no guest: {}", FirstLine(end->errors))};
}

VmAcceleration BestAcceleration(const std::string& run_dir) {
  const std::string path = run_dir + "/vms/acceleration";
  const std::string boot = ReadLineOr("/proc/sys/kernel/random/boot_id", "");
  for (const VmAcceleration each : {VmAcceleration::kKvm, VmAcceleration::kEmulation}) {
    const std::string known = fmt::format("{} {}", boot, AccelerationName(each));
    if (!boot.empty() && ReadLineOr(path, "") == known) return each;
  }
  const KvmProbe probe = ProbeKvm();
  const VmAcceleration found =
      probe.answer == KvmAnswer::kBoots ? VmAcceleration::kKvm : VmAcceleration::kEmulation;
  WriteSmall(path, fmt::format("{} {}", boot, AccelerationName(found)))
      .Ignore("it is tried again the next time");
  return found;
}

}  // namespace veneer
