// A Debian root file system that boots as a guest: mmdebstrap with this machine's own APT sources.
//
// It has qemu-guest-agent, a first process that starts it and nothing else, and modules; kernel and
// initrd lie beside it (template_scripts.h).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/interrupt_watch.h"
#include "app/program.h"
#include "base/result.h"

namespace veneer {

struct DebianRoot {
  std::string suite;
  std::vector<std::string> include{};  // more packages
  std::filesystem::path work;          // an empty directory, for whatever it needs meanwhile
  std::filesystem::path target;        // a directory, or a file "….tar"

  // Where they are once it is made.
  [[nodiscard]] std::string kernel() const { return work / "kernel"; }
  [[nodiscard]] std::string initrd() const { return work / "initrd"; }
};

// This machine's release; empty where it is none of Debian's.
std::string OwnSuite();

// Minutes. `hear`: what it is doing. Whatever it has started ends with this process, also where
// that is killed; what it has mounted goes with them. kUnsupported: no mmdebstrap, or no APT
// sources of that suite.
Result<void> MakeDebianRoot(const DebianRoot& root, const InterruptWatch& watch,
                            const HearLine& hear = {});

}  // namespace veneer
