// The command line of a virtual machine's QEMU, and the files that it inherits. Pure.
//
// Nothing of QEMU's defaults and configuration: what is not named is not there. Seccomp forbids it
// to start programs; where it is started as root it becomes nobody once everything is open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vm/vmm.h"

namespace veneer {

inline constexpr const char* kQemu = "qemu-system-x86_64";
inline constexpr const char* kQemuPackage = "qemu-system-x86";

// In the order in which it inherits them (InheritedNumber); the ports for commands follow.
enum class InheritedFile : std::uint8_t { kAlive, kQmp, kAgent, kFirstExec };

enum class DiskForm : std::uint8_t {
  kFile,
  kBlockDevice,
  kNbd,
  kNone,  // one that has nothing behind it: for a machine that never runs
};
enum class VmPrivileges : std::uint8_t { kRoot, kUser };
enum class VmBeginning : std::uint8_t { kBoot, kSavedState };

struct MachineForm {
  VmAcceleration acceleration = VmAcceleration::kEmulation;
  DiskForm disk = DiskForm::kFile;
  VmPrivileges privileges = VmPrivileges::kUser;
  VmBeginning beginning = VmBeginning::kBoot;
};

// Those of this process.
VmPrivileges Privileges();

// What keeps QEMU from doing more than running a guest; part of every command line that runs a
// kernel which is not ours.
std::vector<std::string> Confinement(VmPrivileges privileges);

std::vector<std::string> QemuArguments(const VmSpec& spec, const MachineForm& form);

}  // namespace veneer
