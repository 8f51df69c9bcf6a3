// For tests that need real loop devices: whether there are any, and a file to put them on.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/unique_fd.h"
#include "kernel/linux/linux_file.h"
#include "kernel/loop_control.h"

namespace veneer::testing {

// A directory that is removed with all that is in it.
class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "veneer-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = std::filesystem::canonical(pattern);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string File(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline bool HostHasLoops() {
  return ::geteuid() == 0 && UniqueFd(::open("/dev/loop-control", O_RDWR | O_CLOEXEC)).valid();
}

// Frees every loop device on the file, as a test must however it ends.
inline void FreeLoopsOn(LoopControl& loops, const FileIdentity& file, const std::string& path) {
  const auto found = loops.Find(file, path);
  if (!found) return;
  for (const LoopDevice& device : *found) loops.Detach(device).Ignore("cleaning up");
}

}  // namespace veneer::testing
