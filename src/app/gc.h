// `veneer gc`: removes what killed commands and dead servers left behind.
#pragma once

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

struct GcArguments {
  bool dry_run = false;
};

// Exit status 4 where something is left that is in use.
Result<int> RunGc(const GlobalOptions& options, const GcArguments& arguments);

}  // namespace veneer
