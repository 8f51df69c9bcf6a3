// `veneer demo`: the main job on real input, each step timed and verified.
//
// Builds a Debian template, makes two sandbox disks on it, works on them through the kernel's own
// ext4, detaches and re-attaches, checks, flattens, and compares with a plain copy of the device.
// Leaves nothing behind but what was asked for, also when it is interrupted or fails.
#pragma once

#include <optional>
#include <string>

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

struct DemoArguments {
  std::optional<std::string> work;            // keeps the template there between runs
  std::optional<std::string> template_image;  // instead of building one
  bool keep = false;                          // the stores and the merged image
};

// Minutes, most of them for the template. kUnsupported without root.
Result<int> RunDemo(const GlobalOptions& options, const DemoArguments& arguments);

}  // namespace veneer
