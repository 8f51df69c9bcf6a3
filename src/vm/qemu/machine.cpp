#include "vm/qemu/machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "kernel/linux/child_process.h"
#include "kernel/nbd_address.h"
#include "vm/qemu/exec_server.h"

namespace veneer {
namespace {

using Json = nlohmann::json;

int NumberOf(InheritedFile file, unsigned behind = 0) {
  return InheritedNumber(static_cast<std::size_t>(file) + behind);
}

std::string SocketOn(const std::string& name, int number) {
  return fmt::format("socket,id={},fd={},server=on,wait=off", name, number);
}

// In QEMU's options a comma ends a value, and two are one.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c;
    if (c == ',') escaped += ',';
  }
  return escaped;
}

Json FileOf(const VmSpec& spec, DiskForm form) {
  if (form == DiskForm::kNone) return {{"driver", "null-co"}, {"read-zeroes", true}};
  if (form == DiskForm::kNbd) {
    return {{"driver", "nbd"},
            {"server", {{"type", "unix"}, {"path", SocketInUri(spec.disk).value_or("")}}},
            {"discard", "unmap"}};
  }
  return {{"driver", form == DiskForm::kFile ? "file" : "host_device"},
          {"filename", spec.disk},
          {"locking", "off"},
          {"discard", "unmap"}};
}

std::string DiskOf(const VmSpec& spec, DiskForm form) {
  const Json file = FileOf(spec, form);
  return Json{{"driver", "raw"}, {"node-name", "root"}, {"discard", "unmap"}, {"file", file}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

// One thread for all CPUs: with one for each QEMU 7.2 may crash an emulated guest at its start.
std::string AcceleratorOf(VmAcceleration acceleration) {
  return acceleration == VmAcceleration::kKvm ? "kvm" : "tcg,thread=single";
}

std::vector<std::string> Basics(const VmSpec& spec, const MachineForm& form) {
  std::vector<std::string> words{
      kQemu,
      "-name",
      fmt::format("veneer-{},process=veneer-vm", spec.id),
      "-accel",
      AcceleratorOf(form.acceleration),
      "-cpu",
      form.acceleration == VmAcceleration::kKvm ? "host" : "max",
      "-machine",
      "pc,memory-backend=memory,usb=off,vmport=off",
      "-m",
      fmt::format("{}B", spec.memory.value()),
      "-smp",
      std::to_string(spec.cpus),
      "-object",
      fmt::format("memory-backend-file,id=memory,size={},mem-path={},share={}", spec.memory.value(),
                  Escaped(spec.memory_file), spec.memory_use == VmMemory::kOwn ? "on" : "off"),
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-no-reboot"};
  const std::vector<std::string> confined = Confinement(form.privileges);
  words.insert(words.end(), confined.begin(), confined.end());
  return words;
}

void AddPorts(std::vector<std::string>& words) {
  words.insert(words.end(),
               {"-device", fmt::format("virtio-serial-pci,max_ports={}", kExecPorts + 2),
                "-chardev", SocketOn("agent", NumberOf(InheritedFile::kAgent)), "-device",
                "virtserialport,chardev=agent,nr=1,name=org.qemu.guest_agent.0"});
  for (unsigned n = 0; n < kExecPorts; ++n) {
    words.insert(
        words.end(),
        {"-chardev", SocketOn(fmt::format("exec{}", n), NumberOf(InheritedFile::kFirstExec, n)),
         "-device",
         fmt::format("virtserialport,chardev=exec{},nr={},name={}", n, n + 2, ExecPortName(n))});
  }
}

}  // namespace

VmPrivileges Privileges() { return ::geteuid() == 0 ? VmPrivileges::kRoot : VmPrivileges::kUser; }

// A machine without root cannot change who it is; one with it gives that up for good.
std::vector<std::string> Confinement(VmPrivileges privileges) {
  const bool root = privileges == VmPrivileges::kRoot;
  std::vector<std::string> words{
      "-sandbox",
      fmt::format("on,obsolete=deny,elevateprivileges={},spawn=deny,resourcecontrol=deny",
                  root ? "allow" : "deny")};
  if (root) words.insert(words.end(), {"-runas", "nobody"});
  return words;
}

std::vector<std::string> QemuArguments(const VmSpec& spec, const MachineForm& form) {
  std::vector<std::string> words = Basics(spec, form);
  words.insert(
      words.end(),
      {"-chardev", "file,id=console,path=/dev/stdout", "-serial", "chardev:console", "-chardev",
       SocketOn("qmp", NumberOf(InheritedFile::kQmp)), "-mon", "chardev=qmp,mode=control"});
  AddPorts(words);
  words.insert(words.end(), {"-device", "virtio-rng-pci", "-blockdev", DiskOf(spec, form.disk),
                             "-device", "virtio-blk-pci,drive=root"});
  if (spec.network == VmNetwork::kUser) {
    words.insert(words.end(),
                 {"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="});
  }
  words.insert(words.end(), {"-kernel", spec.kernel, "-append", spec.cmdline});
  if (!spec.initrd.empty()) words.insert(words.end(), {"-initrd", spec.initrd});
  if (form.beginning == VmBeginning::kSavedState) {
    words.insert(words.end(), {"-incoming", "defer", "-S"});
  }
  return words;
}

}  // namespace veneer
