#include "vm/qemu/kvm_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>

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

// Emulation takes about as long to boot a kernel: one that is slower with KVM has no use for it.
constexpr const char* kSeconds = "5";
// The last that a kernel says that finds no root; all of its own start is behind it then.
constexpr std::string_view kStarted = "Unable to mount root fs";
constexpr std::size_t kMostSaid = std::size_t{64} << 10U;
constexpr const char* kCmdline = "console=ttyS0 panic=-1 root=/dev/none rdinit=/none init=/none";

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

// QEMU with KVM, for a few seconds.
std::vector<std::string> Words(const std::vector<std::string>& what) {
  std::vector<std::string> words{
      "timeout", "--kill-after=2", kSeconds,          kQemu,      "-accel", "kvm",       "-cpu",
      "host",    "-nodefaults",    "-no-user-config", "-display", "none",   "-no-reboot"};
  const std::vector<std::string> confined = Confinement(Privileges());
  words.insert(words.end(), confined.begin(), confined.end());
  words.insert(words.end(), what.begin(), what.end());
  return words;
}

Result<ChildEnd> BootSector() {
  const UniqueFd sector = VENEER_TRY(MakeBootSector());
  const std::string drive = fmt::format("file={},format=raw,if=ide", InheritedPath(0));
  return RunChild({.argv = Words({"-m", "64", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
                                  "-drive", drive}),
                   .package = "coreutils",
                   .files = {&sector}});
}

// Whether the kernel comes as far as to look for its root.
Result<bool> BootKernel(const std::string& kernel) {
  std::string said;
  const ChildEnd end = VENEER_TRY(RunChild(
      {.argv = Words({"-m", "256", "-kernel", kernel, "-append", kCmdline, "-serial", "stdio"}),
       .package = "coreutils",
       .output = [&](std::string_view text) -> Result<void> {
         said += text;
         // It may say the same for ever.
         if (said.size() > kMostSaid) said.erase(0, said.size() - kMostSaid / 2);
         return {};
       }}));
  return end.status == 0 && said.contains(kStarted);
}

std::string FirstLine(const std::string& text) {
  return Printable(text.substr(0, text.find('\n')));
}

}  // namespace

KvmProbe ProbeKvm(const std::string& kernel) {
  const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return {KvmAnswer::kNoDevice, "/dev/kvm cannot be opened"};
  if (!PathOfProgram(kQemu, kQemuPackage)) {
    return {KvmAnswer::kNoQemu,
            "/dev/kvm is there; whether it runs a guest was not tried without QEMU"};
  }
  const Result<ChildEnd> end = BootSector();
  if (!end) return {KvmAnswer::kNoBoot, end.error().what};
  if (end->status == kTimedOut) {
    return {KvmAnswer::kNoBoot, "/dev/kvm is there, but a guest hangs"};
  }
  if (end->status != kGuestStatus) {
    return {KvmAnswer::kNoBoot,
            fmt::format("/dev/kvm is there, but runs no guest: {}", FirstLine(end->errors))};
  }
  if (kernel.empty()) {
    return {KvmAnswer::kNoKernel,
            "/dev/kvm runs a boot sector; whether it boots Linux is found out with a kernel"};
  }
  const Result<bool> booted = BootKernel(kernel);
  if (!booted) return {KvmAnswer::kNoBoot, booted.error().what};
  if (*booted) return {KvmAnswer::kBoots, fmt::format("{} boots with KVM", kernel)};
  return {KvmAnswer::kNoBoot,
          fmt::format("/dev/kvm runs a boot sector, but {} does not boot with it", kernel)};
}

std::optional<VmAcceleration> NotedAcceleration(std::string_view notes, std::string_view boot,
                                                std::string_view kernel) {
  if (boot.empty() || !notes.starts_with(fmt::format("{}\n", boot))) return std::nullopt;
  const std::string lines = fmt::format("{}\n", notes);
  for (const VmAcceleration each : {VmAcceleration::kKvm, VmAcceleration::kEmulation}) {
    if (lines.contains(fmt::format("\n{} {}\n", AccelerationName(each), kernel))) return each;
  }
  return std::nullopt;
}

std::string NoteAcceleration(std::string_view notes, std::string_view boot, std::string_view kernel,
                             VmAcceleration found) {
  const bool current = !boot.empty() && notes.starts_with(fmt::format("{}\n", boot));
  return fmt::format("{}\n{} {}", current ? notes : boot, AccelerationName(found), kernel);
}

VmAcceleration BestAcceleration(const std::string& run_dir, const std::string& kernel) {
  const std::string path = run_dir + "/vms/acceleration";
  const std::string boot = HostBootId();
  const std::string name = std::filesystem::path(kernel).filename();
  const std::string notes = ReadLineOr(path, "");
  if (const auto known = NotedAcceleration(notes, boot, name)) return *known;
  const KvmProbe probe = ProbeKvm(kernel);
  const VmAcceleration found =
      probe.answer == KvmAnswer::kBoots ? VmAcceleration::kKvm : VmAcceleration::kEmulation;
  WriteSmall(path, NoteAcceleration(notes, boot, name, found))
      .Ignore("it is tried again the next time");
  return found;
}

}  // namespace veneer
