// `veneer demo`: the main job on real input, each step timed and verified.
//
// Builds a Debian image, imports it as a template, makes a sandbox of it and works on its disk
// through the kernel's own ext4; pauses, flattens and resumes it, forks it ten times and takes a
// snapshot while it runs, makes a sandbox of that, and destroys them all (demo_story.h). Then boots
// the image as a machine (machine_story.h), or says what is missing for that.
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
  bool keep = false;                          // the state directory and the flattened image
};

// Minutes, most of them for the template. kUnsupported without root.
Result<int> RunDemo(const GlobalOptions& options, const DemoArguments& arguments);

}  // namespace veneer
