// The exec server: the program that runs commands in the guest, and what starts it.
//
// It is a Perl script that comes with Veneer and is handed to the guest's agent at each boot, so
// that a template needs nothing but what every Debian has (perl-base) and qemu-guest-agent. It
// opens the ports "veneer.exec.N" and speaks what exec_frames.h describes: one command at a time on
// each.
#pragma once

#include <string>
#include <string_view>

namespace veneer {

// How many commands may run at once.
inline constexpr unsigned kExecPorts = 8;

// "veneer.exec.3": of a port, as the guest sees it.
std::string ExecPortName(unsigned number);

// A command that it does by itself: sets the clock, and gives an identity. Arguments: microseconds
// since 1970; then, where there is one, host name, machine id, and hex for the random numbers. Its
// status is 0, or the sum of what failed; stderr says why.
inline constexpr std::string_view kWakeCommand = "veneer:wake";
inline constexpr int kWakeClock = 1;
inline constexpr int kWakeIdentity = 2;

std::string_view ExecServerScript();

}  // namespace veneer
