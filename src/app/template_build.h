// `veneer template build`: a template that boots, of Debian's packages.
//
// mmdebstrap makes a root file system from the machine's own APT sources, with qemu-guest-agent, a
// kernel for virtual machines, a small initrd that finds the disk, and a first process that starts
// the agent and nothing else (template_scripts.h). Minutes. Leaves nothing but the template, also
// when it is interrupted.
#pragma once

#include <string>
#include <vector>

#include "app/global_options.h"
#include "app/sandbox_commands.h"
#include "base/result.h"

namespace veneer {

struct TemplateBuildArguments {
  std::string name;
  std::string suite;  // this machine's own where empty
  std::vector<std::string> include;
  std::string size = "2G";
  std::string reserve = kDefaultReserve;
};

// kUnsupported without root, mmdebstrap, or APT sources of that suite.
Result<int> TemplateBuild(const GlobalOptions& options, const TemplateBuildArguments& arguments);

}  // namespace veneer
