// How many files the daemon may have open: enough for all connections, so that one too many gets
// an answer and not a failure of the host.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace veneer {

// Raises this process's limit as far as that takes. kUsage where the host does not let it.
Result<void> AllowOpenFiles(std::size_t connections);

}  // namespace veneer
