// One sandbox disk of the demo: its store, where it is attached, where it is mounted.
//
// Whatever state it is in, the destructor unmounts and detaches it, and says on stderr what it
// could not take away.
#pragma once

#include <filesystem>
#include <string>

#include "backend/user/attachment.h"
#include "base/result.h"
#include "base/units.h"

namespace veneer {

class SandboxDisk {
 public:
  // Files go to `directory`/NAME.*; `run` is for the server's socket.
  SandboxDisk(const std::filesystem::path& directory, const std::string& name, std::string origin,
              std::string run);
  SandboxDisk(const SandboxDisk&) = delete;
  SandboxDisk& operator=(const SandboxDisk&) = delete;
  ~SandboxDisk();

  Result<void> Create();
  Result<void> Attach(DiskAccess access);
  Result<void> Mount();  // as ext4; read-only where the disk is
  Result<void> Unmount();
  Result<void> Detach();

  [[nodiscard]] const std::string& store() const { return store_; }
  [[nodiscard]] const std::string& device() const { return device_; }
  [[nodiscard]] const std::filesystem::path& mount_point() const { return mount_point_; }

  // Blocks of the store's file.
  [[nodiscard]] Result<Bytes> OnDisk() const;

 private:
  std::string origin_;
  std::string run_;
  std::string store_;
  std::string at_;
  std::filesystem::path mount_point_;
  std::string device_;  // empty: not attached
  DiskAccess access_ = DiskAccess::kReadWrite;
  bool mounted_ = false;
};

}  // namespace veneer
