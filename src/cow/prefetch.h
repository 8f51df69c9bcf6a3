// Prefetch: asks the host to read a store's exceptions before they are wanted.
//
// They lie in areas far apart, and whoever opens a store reads one after the other: with a cold
// cache (a clone's always is) each would wait for the disk by itself. Asked for beforehand, they
// are read side by side.
#pragma once

#include "kernel/linux/linux_file.h"

namespace veneer {

// Does not block, and cannot fail: what cannot be read shows when it is. Any thread.
void PrefetchExceptions(const LinuxFile& store);

}  // namespace veneer
