// DmBackend: disks as block devices of the kernel's snapshot target, with no process behind them.
//
//   origin image ── loop (read-only, shared) ──┐
//                                              ├── snapshot … PO ── /dev/mapper/veneer-NAME
//   store ───────── loop (direct, its own) ────┘
//
// Both loop devices clear themselves when the table lets go of them, and the store's keeps the lock
// on the store: nothing of a disk outlives its device-mapper device, whatever is killed. That
// device is ours by its UUID; `<run>/dm/NAME.json` says what a killed command was about to do
// (disk_record.h), and Reconcile (reconcile.h) finishes or undoes it.
//
// Every verb is one of DiskBackend's or says more here. Any thread, any process.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/disk_backend.h"
#include "backend/dm/disk_record.h"
#include "backend/dm/origin_devices.h"
#include "backend/dm/turn.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "format/geometry.h"
#include "kernel/device_mapper.h"
#include "kernel/holders.h"
#include "kernel/linux/linux_file.h"
#include "kernel/loop_control.h"

namespace veneer {

struct DmPorts {
  DeviceMapper& devices;
  LoopControl& loops;
  const Holders& holders;
};

struct DmPlace {
  std::string run_dir;
  std::string instance;  // whose devices they are: InstanceOf(the state directory)
};

class DmBackend : public DiskBackend {
 public:
  static constexpr std::chrono::seconds kDetachPatience{10};

  // `patience`: how long Detach waits for the last opener (udev's blkid, a VMM that is ending).
  DmBackend(const DmPorts& ports, DmPlace place,
            std::chrono::milliseconds patience = kDetachPatience);

  [[nodiscard]] BackendKind kind() const override { return BackendKind::kDm; }
  [[nodiscard]] Result<void> RequireHost() override;
  Result<AttachedDisk> Attach(const DiskRequest& request) override;
  Result<void> Detach(const std::string& path) override;
  [[nodiscard]] Result<DiskFill> Fill(const std::string& path) override;
  Result<DiskFill> Grow(const std::string& path, Bytes max_change) override;
  // A disk that Keep holds back stays so. kCorrupt where the kernel has given the store up.
  Result<StoreClone> CloneStore(const std::string& path, const std::string& clone) override;
  [[nodiscard]] Result<std::vector<std::string>> Attached() override;
  // A write that fails for want of space would make the store invalid for ever: whoever keeps the
  // disk looks often enough. This object is what holds users back, and they may go when it is gone.
  Result<DiskActivity> Keep(const std::string& path, const WriteLease& lease) override;
  Result<void> LetGo(const std::string& path, std::chrono::milliseconds term) override;

  // Where the record is of a clone that was killed, or of one that a dead process held back: lets
  // the disk's users go on, and notes that. The caller has the record's lock.
  Result<void> EndKilled(const std::string& disk, dm::LockedRecord& record);

  // The disks that are attached: recorded and in the kernel.
  [[nodiscard]] Result<std::vector<std::string>> List();

  enum class Removed : std::uint8_t {
    kDevice,     // and all that belongs to it
    kLeftovers,  // there was no device any more
  };
  // The end of a disk, also of what a killed command left of one: its device, nodes and record are
  // removed. The caller has the record's lock. kConflict where the device is in use; nothing has
  // changed then.
  Result<Removed> RemoveDisk(const std::string& disk, dm::LockedRecord& record);

  // The lock of directory(): this process's own threads take turns first, so that one goes on as
  // soon as another is done, where LockRunDirectory looks again after a pause.
  struct DirectoryLock {
    std::unique_lock<dm::Turn> turn;
    UniqueFd file;
  };
  Result<DirectoryLock> LockDirectory();

  [[nodiscard]] const DmPlace& place() const { return place_; }
  [[nodiscard]] std::string directory() const { return place_.run_dir + "/dm"; }
  [[nodiscard]] dm::OriginDevices& origins() { return origins_; }

 private:
  struct OpenStore;
  struct CloneSource;

  Result<OpenStore> PrepareStore(const DiskRequest& request, const LinuxFile& origin);
  Result<void> ClaimName(const std::string& disk, dm::LockedRecord& record);
  Result<void> Build(const DiskRequest& request, const LinuxFile& origin, const OpenStore& store,
                     dm::LockedRecord& record);
  Result<void> StartOn(const OpenStore& store, const DmSpec& spec);
  Result<void> Start(const DmSpec& spec);
  void Undo(const dm::DiskRecord& before, dm::LockedRecord& record);
  struct Taken {
    Removed what;
    Result<void> synced;  // whether the store is durable
  };
  // RemoveDisk, but for the record, which stays locked.
  Result<Taken> TakeAway(const std::string& disk, dm::LockedRecord& record);
  Result<void> RemovePatiently(const DmDevice& device);
  void RemoveNode(const std::string& name);
  Result<DmState> StateOf(const std::string& disk);
  Result<std::string> DiskAt(const std::string& path);
  Result<std::unique_ptr<LinuxFile>> StoreBehind(std::optional<unsigned> loop, Access access);
  void WaitUntilCleared(unsigned loop, const std::string& store);
  void ReleaseOrigin(const dm::DiskRecord& record);
  Result<dm::LockedRecord> TakeRecord(const std::string& disk, const std::string& path);
  Result<CloneSource> FindSource(const std::string& disk, const dm::DiskRecord& record);
  Result<ClonedFile> CloneSuspended(const CloneSource& source, const std::string& clone,
                                    dm::LockedRecord& record);
  Result<void> ResumePatiently(const std::string& name);
  Result<void> BecomeKeeper();
  Result<bool> KeeperLives();
  Result<void> HoldBack(const DmDevice& device, dm::LockedRecord& record);
  Result<void> GoOn(const std::string& disk, dm::LockedRecord& record);

  DmPorts ports_;
  DmPlace place_;
  std::chrono::milliseconds patience_;
  dm::Turn turn_;
  std::mutex keeper_mutex_;
  UniqueFd keeper_;  // guarded by keeper_mutex_; has the lock of who holds disks back
  dm::OriginDevices origins_;
};

}  // namespace veneer
