// The file of a DiskRecord (disk_place.h). The server of the disk holds a lock on it for as long as
// it lives, so that who looks at thousands of disks need not wake their servers.
//
// Blocks as the file systems do. Any thread, any process.
#pragma once

#include <optional>

#include "backend/user/disk_place.h"
#include "backend/user/messages.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

struct FiledRecord {
  DiskRecord record;
  // Its server lives. Where it is not held the server may live as well: it is older than the lock,
  // or the file system has none. Its socket says so then (ServerBehind).
  bool held = false;
};

// Nothing where there is none, or none that is whole. Fails where that cannot be told.
Result<std::optional<FiledRecord>> ReadRecord(const DiskFiles& files);

// Whole or not at all: it is read by others when this process is dead. Held until what is returned
// is closed.
Result<UniqueFd> WriteRecord(const DiskFiles& files, const DiskRecord& record);

}  // namespace veneer
