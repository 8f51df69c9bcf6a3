// ServedDisk: the disk of a server process: its files, the lock on its store, and the engine.
//
// The verbs are for one thread; disk() is for many. All block on the files.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backend/disk_backend.h"
#include "backend/disk_keeper.h"
#include "backend/user/attachment.h"
#include "base/result.h"
#include "base/units.h"
#include "cow/cow_disk.h"
#include "cow/write_hold.h"
#include "kernel/holders.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

class ServedDisk {
 public:
  // Opens and locks what the request names. `name`: the disk's, for messages. Errors as for
  // AttachDisk.
  static Result<std::unique_ptr<ServedDisk>> Open(const AttachRequest& request, std::string name,
                                                  const Holders& holders);

  [[nodiscard]] CowDisk& disk() { return *disk_; }
  [[nodiscard]] const LinuxFile& store() const { return *store_; }

  // Does nothing on a read-only disk.
  Result<void> Flush();

  // Who writes to the disk waits for it (write_hold.h). A read-only disk has nobody who does.
  [[nodiscard]] WriteHold& hold() { return hold_; }
  [[nodiscard]] DiskActivity Activity() const {
    return {.counters = disk_->counters(),
            .writers = hold_.held() ? Writers::kHeld : Writers::kGoOn,
            .fill = disk_->Fill()};
  }

  // How full the store is; with Grow, after it was lengthened so that `max_change` bytes in all can
  // be changed. kUsage on a read-only disk.
  [[nodiscard]] StoreFill Fill() const { return disk_->Fill(); }
  Result<StoreFill> Grow(Bytes max_change);

  // The store as it is now, as the new file `clone`. Once its users go on `wanted` is asked whether
  // somebody still waits for it: where not, there is none. Errors as for DiskBackend::CloneStore.
  Result<StoreClone> CloneStore(const std::string& clone, const std::function<bool()>& wanted);

 private:
  ServedDisk(std::string name, std::unique_ptr<LinuxFile> store, std::unique_ptr<CowDisk> disk)
      : name_(std::move(name)), store_(std::move(store)), disk_(std::move(disk)) {}

  std::string name_;
  std::unique_ptr<LinuxFile> store_;  // the same open file as the disk's
  WriteHold hold_{[this] { return store_->AvailableBytes(); }};
  std::unique_ptr<CowDisk> disk_;
};

}  // namespace veneer
