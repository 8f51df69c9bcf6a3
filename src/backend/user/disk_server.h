// DiskServer: one disk that is attached as a file, from the lock on its store to the loop device.
//
// Its verbs are for one thread; the requests for the disk are served by threads of the FuseExport.
// All that touches the served file or the loop device on it runs in the IsolatedThread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/user/attachment.h"
#include "backend/user/disk_service.h"
#include "backend/user/host_ports.h"
#include "backend/user/messages.h"
#include "backend/user/served_disk.h"
#include "backend/user/taken_place.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/isolated_thread.h"

namespace veneer {

class DiskServer final : public DiskService {
 public:
  // Attaches; the errors are those of AttachDisk. On failure nothing is left behind. `isolated`
  // and `ports` outlive the server.
  static Result<std::unique_ptr<DiskServer>> Start(const AttachRequest& request,
                                                   IsolatedThread& isolated,
                                                   const HostPorts& ports);

  // Where it is still attached: takes everything away, in use or not, after a last try to flush.
  ~DiskServer() override;

  Result<void> Detach() override;
  Result<void> Finish() override;

  [[nodiscard]] bool attached() const override { return export_ != nullptr; }
  [[nodiscard]] const DiskRecord& record() const override { return record_; }
  [[nodiscard]] ServedDisk& disk() override { return *disk_; }
  [[nodiscard]] const UniqueFd& control() const override { return place_.control(); }
  // Once it was unmounted.
  [[nodiscard]] int taken_away() const override { return export_->ended().get(); }
  [[nodiscard]] Attachment attachment() const;

 private:
  DiskServer(IsolatedThread& isolated, const HostPorts& ports)
      : isolated_(isolated), ports_(ports) {}

  Result<void> RefuseCovering(const AttachRequest& request) const;
  Result<void> TakePlace(const AttachRequest& request);
  Result<void> PutLoopOnIt(std::optional<unsigned> number);
  Error WithLoopBack(Error refused, unsigned number);
  Result<void> Flush();
  Result<void> RefuseWhereHeld() const;
  Result<void> FreeLoop(OnWriteError on_write_error);
  Result<void> Unmount();
  std::unexpected<Error> Busy(const std::string& path, const std::vector<Holder>& holders) const;
  Result<void> EndConnection();
  void RemoveTraces(TakenPlace::LogFile log);

  IsolatedThread& isolated_;
  HostPorts ports_;
  DiskRecord record_;
  TakenPlace place_;
  std::unique_ptr<ServedDisk> disk_;
  std::unique_ptr<FuseExport> export_;
  std::optional<LoopDevice> loop_;
};

}  // namespace veneer
