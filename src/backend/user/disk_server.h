// DiskServer: one attached disk, from the lock on its store to the loop device.
//
// Its verbs are for one thread; the requests for the disk are served by threads of the FuseExport.
// All that touches the served file or the loop device on it runs in the IsolatedThread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/user/attachment.h"
#include "backend/user/disk_place.h"
#include "backend/user/host_ports.h"
#include "backend/user/messages.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cow/cow_disk.h"
#include "export/fuse/fuse_export.h"
#include "kernel/linux/isolated_thread.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

class DiskServer {
 public:
  // Attaches; the errors are those of AttachDisk. On failure nothing is left behind. `isolated`
  // and `ports` outlive the server.
  static Result<std::unique_ptr<DiskServer>> Start(const AttachRequest& request,
                                                   IsolatedThread& isolated,
                                                   const HostPorts& ports);

  DiskServer(const DiskServer&) = delete;
  DiskServer& operator=(const DiskServer&) = delete;

  // Where it is still attached: takes everything away, in use or not, after a last try to flush.
  ~DiskServer();

  // Flushes and takes everything away. kConflict: it is in use, the message names the holders;
  // kNoSpace: there is no room to flush; either way it stays attached as it was. With any other
  // error it may be detached; attached() tells.
  Result<void> Detach();

  // The same where somebody else has unmounted it.
  Result<void> Finish();

  // How full the store is; with Grow, after it was lengthened so that `max_change` bytes in all can
  // be changed. kUsage on a read-only disk. While attached() only.
  [[nodiscard]] StoreFill Fill() const { return disk_->Fill(); }
  Result<StoreFill> Grow(Bytes max_change);

  // The store as it is now, as the new file `clone`. Once its users go on `wanted` is asked whether
  // somebody still waits for it: where not, there is none. Errors as for DiskBackend::CloneStore.
  Result<StoreClone> CloneStore(const std::string& clone, const std::function<bool()>& wanted);

  [[nodiscard]] bool attached() const { return export_ != nullptr; }
  [[nodiscard]] const DiskRecord& record() const { return record_; }
  [[nodiscard]] Attachment attachment() const;
  [[nodiscard]] DiskCounters counters() const;

  // Where the control connections arrive.
  [[nodiscard]] const UniqueFd& control() const { return control_; }

  // Readable once it was unmounted, by whomever. While attached() only.
  [[nodiscard]] const UniqueFd& unmounted() const { return export_->ended(); }

 private:
  DiskServer(IsolatedThread& isolated, const HostPorts& ports)
      : isolated_(isolated), ports_(ports) {}

  Result<void> OpenDisk(const AttachRequest& request);
  Result<void> TakePlace(const AttachRequest& request);
  Result<void> PutLoopOnIt(std::optional<unsigned> number);
  Result<void> WriteRecord() const;
  Result<void> Flush();
  Result<void> RefuseWhereHeld() const;
  Result<void> FreeLoop(OnWriteError on_write_error);
  Result<void> Unmount();
  std::unexpected<Error> Busy(const std::string& path, const std::vector<Holder>& holders) const;
  Result<void> EndConnection();
  enum class LogFile : std::uint8_t { kRemove, kKeep };
  void RemoveTraces(LogFile log);

  IsolatedThread& isolated_;
  HostPorts ports_;
  DiskRecord record_;
  DiskFiles files_;
  UniqueFd control_;
  std::unique_ptr<LinuxFile> store_;  // the same open file as the disk's
  std::unique_ptr<CowDisk> disk_;
  std::unique_ptr<FuseExport> export_;
  std::optional<LoopDevice> loop_;
};

}  // namespace veneer
