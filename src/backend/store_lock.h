// Who may open a store: one for writing, or several for reading, whatever the backend.
//
// The lock is the store file's own (flock), on an open file description. The engine's server keeps
// that description; with the kernel's way the loop device does. It ends with them.
#pragma once

#include "base/result.h"
#include "cow/cow_disk.h"
#include "kernel/holders.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

// Locks for as long as the description of `store` is open. Never waits: kConflict where another
// has it, and the message names the holders.
Result<void> LockStore(const LinuxFile& store, DiskAccess access, const Holders& holders);

// kUsage with this message where the two are one file.
Result<void> RefuseSame(const FileIdentity& one, const FileIdentity& other,
                        std::string_view message);

}  // namespace veneer
