// DiskService: what the process of an attached disk does for whoever asks over the control socket
// (serve_loop.h). One implementation for each way to show a disk.
//
// For one thread, the one that answers the control socket.
#pragma once

#include "backend/user/messages.h"
#include "backend/user/served_disk.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

class DiskService {
 public:
  DiskService() = default;
  DiskService(const DiskService&) = delete;
  DiskService& operator=(const DiskService&) = delete;
  virtual ~DiskService() = default;

  // Flushes and takes everything away. kConflict: it is in use, the message names the holders;
  // kNoSpace: there is no room to flush; either way it stays attached as it was. With any other
  // error it may be detached; attached() tells.
  virtual Result<void> Detach() = 0;

  // The same where somebody else has taken it away already.
  virtual Result<void> Finish() = 0;

  [[nodiscard]] virtual bool attached() const = 0;
  [[nodiscard]] virtual const DiskRecord& record() const = 0;

  // While attached() only.
  [[nodiscard]] virtual ServedDisk& disk() = 0;

  // Where the control connections arrive.
  [[nodiscard]] virtual const UniqueFd& control() const = 0;

  // A descriptor that is readable once somebody else has taken the disk away; -1 where nobody can.
  // While attached() only.
  [[nodiscard]] virtual int taken_away() const = 0;
};

}  // namespace veneer
