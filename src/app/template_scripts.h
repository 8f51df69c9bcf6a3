// What `veneer template build` puts into a template: shell scripts, and the kernel's arguments.
#pragma once

#include <string_view>

namespace veneer {

// Run by mmdebstrap on the host when all packages are there, with the new root and a directory:
// unpacks the kernel, adds the first process, and leaves "kernel" and "initrd" in the directory.
std::string_view TemplateHook();

// /sbin/veneer-init in the guest: mounts, names, starts the agent for ever.
std::string_view GuestInit();

// Run in the new root, with the kernel's version: makes /initrd.
std::string_view InitrdMaker();

// An emulated timer may be late on a busy host, which is no reason to panic; and a panic ends the
// machine, which is noticed.
inline constexpr std::string_view kDebianCmdline = "console=ttyS0 rw quiet panic=-1 no_timer_check";

}  // namespace veneer
