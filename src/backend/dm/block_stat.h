// What the kernel counts of a block device: the text of /sys/dev/block/MAJOR:MINOR/stat.
//
// Numbers between spaces: 1 reads, 3 sectors read, 5 writes, 7 sectors written, 16 flushes (since
// Linux 5.5). Source: Linux Documentation/block/stat.rst.
// Parsing is pure and total.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "base/result.h"
#include "cow/cow_disk.h"

namespace veneer::dm {

// kFailed for a text that is none. The kernel counts no errors.
Result<DiskCounters> ParseBlockStat(std::string_view text);

// Of a device. Blocks as /sys does. kNotFound where there is none.
Result<DiskCounters> CountersOf(dev_t device);

}  // namespace veneer::dm
