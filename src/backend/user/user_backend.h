// UserBackend: attaches a disk through the engine in user space (attachment.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "backend/disk_backend.h"
#include "base/result.h"
#include "base/units.h"

namespace veneer {

class UserBackend final : public DiskBackend {
 public:
  // `run_dir`: for the servers' sockets. `program`: see AttachRequest.
  explicit UserBackend(std::string run_dir, std::string program = "/proc/self/exe");

  [[nodiscard]] BackendKind kind() const override { return BackendKind::kUser; }
  // Of FUSE. What NBD takes shows when a disk is attached.
  [[nodiscard]] Result<void> RequireHost() override;
  // kUsage: the request has no path. Its name, if any, is of no use here.
  Result<AttachedDisk> Attach(const DiskRequest& request) override;
  Result<void> Detach(const std::string& path) override;
  [[nodiscard]] Result<DiskFill> Fill(const std::string& path) override;
  Result<DiskFill> Grow(const std::string& path, Bytes max_change) override;
  Result<StoreClone> CloneStore(const std::string& path, const std::string& clone) override;
  Result<DiskActivity> Keep(const std::string& path, const WriteLease& lease) override;
  Result<void> LetGo(const std::string& path, std::chrono::milliseconds term) override;
  // Those whose servers listen under this run directory.
  [[nodiscard]] Result<std::vector<std::string>> Attached() override;
  [[nodiscard]] Result<bool> IsAttached(const std::string& path) override;

 private:
  // As the mounts name it: servers do not live in the caller's directory.
  [[nodiscard]] Result<std::string> RunDirectory() const;

  std::string run_dir_;
  std::string program_;
};

}  // namespace veneer
