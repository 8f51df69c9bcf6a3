// TakenPlace: the place of an attached disk under the run directory (disk_place.h): its control
// socket, its record, its log.
//
// For one thread. Whoever has one is the only server at that place.
#pragma once

#include <functional>
#include <string>

#include "backend/user/disk_place.h"
#include "backend/user/host_ports.h"
#include "backend/user/messages.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

class TakenPlace {
 public:
  // Removes what a dead server left, listens at the control socket, and calls `appear`, which
  // writes the record and makes the disk appear at record.path; meanwhile nobody else is at work in
  // the run directory. Where it fails nothing is left behind. kConflict: the place is taken.
  Result<void> Take(const std::string& run_dir, const DiskRecord& record, const HostPorts& ports,
                    const std::function<Result<void>()>& appear);

  // Whole or not at all; instead of one that was written before.
  Result<void> Write(const DiskRecord& record);

  // Removes all of it, and what record.path was made for. Nothing happens where it was not taken.
  enum class LogFile : std::uint8_t { kRemove, kKeep };
  void Leave(const DiskRecord& record, LogFile log);

  // The same after the last flush of the disk; its error, where it failed, is logged and the log
  // stays.
  Result<void> LeaveAfter(const Result<void>& flushed, const DiskRecord& record);

  [[nodiscard]] const DiskFiles& files() const { return files_; }
  [[nodiscard]] const UniqueFd& control() const { return control_; }

 private:
  DiskFiles files_;  // without a key: not taken
  UniqueFd control_;
  UniqueFd record_;  // says that this process lives
};

// kNoSpace where a disk must not be detached, because what was written could not be flushed and can
// be once there is room.
Result<void> RequireRoom(const Result<void>& flushed, const std::string& path);

}  // namespace veneer
