// `veneer doctor`: what this host can do, and what to load or install for the rest.
#pragma once

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

// Changes nothing on the host but for nameless files that are gone again. Exit status 7 where no
// backend works here, else 0.
Result<int> RunDoctor(const GlobalOptions& options);

}  // namespace veneer
