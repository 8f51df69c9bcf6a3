// Scratch directories, and what killed processes have left of them.
//
// Names are hidden: ".veneer-scratch-XXXXXX", and a new file's ".NAME.veneer-new" on a file system
// without nameless files (kernel/linux/new_file.h). Whoever works with one holds a lock on it,
// which the kernel drops with the process: what is not locked is dead.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// A directory for this process alone, mode 0700, that goes with all that is in it.
class ScratchDirectory {
 public:
  // In `parent`. kNotFound.
  static Result<ScratchDirectory> Make(const std::string& parent);

  ScratchDirectory(ScratchDirectory&& other) noexcept = default;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ScratchDirectory(std::string path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;  // not valid: moved from
};

// Paths of what dead processes have left in a directory, sorted. kNotFound.
Result<std::vector<std::string>> DeadLeftovers(const std::string& directory);

// Removes them, and says what is gone. Any number of processes may sweep at once, and others may
// work there. An error is the first one; all others have been removed then.
Result<std::vector<std::string>> SweepLeftovers(const std::string& directory);

}  // namespace veneer
