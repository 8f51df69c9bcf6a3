// Whether KVM runs a guest: the device may be there and yet no guest get through its first moments,
// as on hosts that are virtual themselves. So one is run: the firmware loads a boot sector, and
// that ends the virtual machine with a status that says so.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "app/doctor/host_check.h"
#include "app/interrupt_watch.h"
#include "app/program.h"
#include "base/unique_fd.h"

namespace veneer {
namespace {

constexpr const char* kName = "kvm";
constexpr const char* kHint = "virtual machines are emulated: slower, and all else the same";
constexpr const char* kQemu = "qemu-system-x86_64";
// QEMU's isa-debug-exit ends with (value << 1) | 1.
constexpr int kGuestStatus = (0x10 << 1) | 1;

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

Result<ProgramEnd> BootOnce() {
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  const UniqueFd sector = VENEER_TRY(MakeBootSector());
  const std::string drive =
      fmt::format("file=/proc/{}/fd/{},format=raw,if=ide", ::getpid(), sector.get());
  return RunProgram({"timeout", "--kill-after=2", "10", kQemu, "-accel", "kvm", "-cpu", "host",
                     "-m", "64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                     "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-drive", drive},
                    *watch);
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

HostCheck Without(std::string detail, std::string hint = kHint) {
  return {.name = kName, .ok = false, .detail = std::move(detail), .hint = std::move(hint)};
}

}  // namespace

HostCheck CheckKvm() {
  const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return Without("/dev/kvm cannot be opened");
  if (!FindProgram(kQemu)) {
    return Without("/dev/kvm is there; whether it runs a guest was not tried without QEMU",
                   "apt-get install qemu-system-x86");
  }
  const Result<ProgramEnd> end = BootOnce();
  if (!end) return Without(end.error().what);
  if (end->status == kGuestStatus) {
    return {.name = kName, .ok = true, .detail = "a guest boots with KVM"};
  }
  constexpr int kTimedOut = 124;
  if (end->status == kTimedOut) return Without("/dev/kvm is there, but a guest hangs");
  return Without(fmt::format("/dev/kvm is there, but runs no guest: {}", FirstLine(end->err)));
}

}  // namespace veneer
