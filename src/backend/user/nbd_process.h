// NbdProcess: what the plugin does in a process that BecomeNbdServer has made (nbd_start.h).
//
// For nbdkit's main thread. What goes wrong is told to whoever started the process, too.
#pragma once

#include <memory>

#include "backend/user/attachment.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

class NbdProcess {
 public:
  // Attaches the disk. `ready` is taken.
  static Result<std::unique_ptr<NbdProcess>> Start(const AttachRequest& request, UniqueFd ready);

  NbdProcess(const NbdProcess&) = delete;
  NbdProcess& operator=(const NbdProcess&) = delete;
  ~NbdProcess();

  // Begins to serve, says so, and from then on answers the control socket in a thread of its own,
  // which ends the process when the disk is detached.
  Result<void> Serve();

 private:
  struct Parts;
  explicit NbdProcess(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace veneer
