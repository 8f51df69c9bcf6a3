// Clone: a second file with the contents of a first.
//
// Shares its blocks where the file system can (FICLONE), in time that does not depend on the size;
// else copies its data extents, and holes stay holes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/new_file.h"

namespace veneer {

// Whether files in the directory can share blocks: tried, with two that have no names. Fails with
// the errno where they cannot.
Result<void> TrySharing(const std::string& directory);

enum class CloneMethod : std::uint8_t { kReflink, kCopy };

struct CloneReport {
  CloneMethod method = CloneMethod::kCopy;  // what was done
  Bytes size;
};

// A nameless copy of `from`, for NewFile::Publish at `path` by the caller: not durable yet. The
// caller sees to it that nobody writes to `from` meanwhile. kConflict where the path exists.
struct ClonedFile {
  NewFile file;
  CloneReport report;
};
Result<ClonedFile> BeginClone(const LinuxFile& from, const std::string& path,
                              const std::function<void(Bytes, Bytes)>& progress = {});

// The same, durable and under its name: it appears whole or not at all.
Result<CloneReport> CloneFile(const LinuxFile& from, const std::string& path,
                              const std::function<void(Bytes, Bytes)>& progress = {});

}  // namespace veneer
