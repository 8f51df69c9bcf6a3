// A mount of the file system (ext4) that is on a sandbox's disk, as a VMM's guest would have it.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace veneer {

class DiskMount {
 public:
  // `disk`: a sandbox's path. A file gets a loop device, which clears itself with the mount. `at`
  // is made where it is missing.
  static Result<DiskMount> Mount(const std::string& disk, const std::filesystem::path& at);

  DiskMount(DiskMount&& other) noexcept;
  DiskMount& operator=(DiskMount&&) = delete;
  DiskMount(const DiskMount&) = delete;
  DiskMount& operator=(const DiskMount&) = delete;
  // Unmounts it, and says on stderr where it cannot.
  ~DiskMount();

  // Waits some seconds for those who are just leaving.
  Result<void> Unmount();

  [[nodiscard]] const std::filesystem::path& path() const { return at_; }

 private:
  explicit DiskMount(std::filesystem::path at) : at_(std::move(at)) {}

  std::filesystem::path at_;  // empty: not mounted
};

}  // namespace veneer
