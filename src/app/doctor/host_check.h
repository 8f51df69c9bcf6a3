// What `veneer doctor` looks at, one ability of the host each.
#pragma once

#include <cstdint>
#include <string>

#include "app/global_options.h"

namespace veneer {

struct HostCheck {
  std::string name;  // stable, used in JSON: "snapshot_target"
  bool ok = false;
  std::string detail;  // what was found
  std::string hint{};  // where it is not ok: what to load or install; else what could be better
};

// Device-mapper and a target of it; the kernel loads the target's module if it has one.
HostCheck CheckTarget(const std::string& target);
HostCheck CheckLoop();
HostCheck CheckFuse();

// Whether files of the state directory can share blocks, and how much room is left for them. The
// nearest directory that exists is asked where it does not yet.
HostCheck CheckReflink(const std::string& root);
HostCheck CheckFreeSpace(const std::string& root);

// What the kernel reserves for each disk on device-mapper; always ok.
HostCheck CheckDiskMemory();

// Whether udev runs: it then makes the nodes of devices, else we do. Both are fine.
HostCheck CheckUdev();

// Boots with KVM: the kernel of a template below `root`, or this host's own. Takes up to ten
// seconds where that does not work.
HostCheck CheckKvm(const std::string& root);

// A program of a Debian package, for what needs it.
HostCheck CheckProgram(const std::string& program, const std::string& package,
                       const std::string& purpose);

}  // namespace veneer
