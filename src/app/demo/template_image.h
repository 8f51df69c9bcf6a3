// The demo's template: a 2 GiB ext4 image with a Debian root, or with what the machine has.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "app/demo/step_log.h"
#include "app/interrupt_watch.h"
#include "base/result.h"
#include "sandbox/templates.h"

namespace veneer {

struct TemplateImage {
  std::string path;
  std::string source;                // for people: what is in it
  std::optional<BootSource> boot{};  // what boots it; nothing: nobody knows
};

// Makes `directory`/template.img, with kernel and initrd beside it, or takes the one that an
// earlier run has left there. A machine without mmdebstrap, Debian's APT sources or network gets an
// image of its own files, and the steps and `source` say so and why.
Result<TemplateImage> ObtainTemplate(const std::filesystem::path& directory, StepLog& log,
                                     const InterruptWatch& watch);

}  // namespace veneer
