// The life of a disk's server process, whatever way it shows the disk.
//
// For the one thread that answers the control socket; other threads of the process serve the disk.
#pragma once

#include <string>

#include "backend/user/attachment.h"
#include "backend/user/disk_service.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// Signals that would end the process are not for it, and the host neither kills nor stalls it when
// memory is short; its own heap is one. Best effort. `name` is how it shows in a list of processes.
void PrepareServerProcess(const char* name);

// The signals that ask for a detach, SIGTERM and SIGINT, as something to poll. They are blocked in
// the calling thread and in those that it starts.
Result<UniqueFd> TakeSignals();

// Says on `ready` (a pipe) how the start went. kFailed where nobody reads it any more.
Result<void> TellReady(const UniqueFd& ready, const Result<Attachment>& attached);

// Answers control requests and signals until the disk is detached. A detach for a signal that has
// to be refused is logged.
void ServeUntilDetached(DiskService& service, const UniqueFd& signals);

}  // namespace veneer
