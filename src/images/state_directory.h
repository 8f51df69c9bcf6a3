// What a file system must be able to do for the state directory to lie on it.
#pragma once

#include <string>

#include "base/result.h"

namespace veneer {

// What was found on trying.
struct FileSystemAbilities {
  enum class Can : bool { kNo, kYes };

  Can sparse_files = Can::kNo;  // a hole takes no blocks: stores are as large as their disks
  Can locks = Can::kNo;         // one open file's flock(2) keeps the others out
};

// kUnsupported, naming all that lacks. Pure.
Result<void> JudgeStateDirectory(const FileSystemAbilities& abilities,
                                 const std::string& directory);

// Tries them in the directory, with a file that has no name and is gone afterwards. kNotFound;
// kFailed where it may not be written.
Result<void> RequireUsableStateDirectory(const std::string& directory);

}  // namespace veneer
