// Attach, grow, clone and detach a disk through the engine in user space.
//
// Each attached disk has a server process of its own: it holds the store's lock, runs the engine,
// serves the FUSE file (and, where asked for, owns the loop device on it) or an NBD socket. It
// outlives the command that started it and ends with the detach. Nothing else has state: the mount
// table names the server's control socket (the mount's source); that of an NBD disk follows from
// its own socket's path and `run_dir`, under which the control sockets are.
//
//   attach ──starts──> server ──mounts──> PATH (FUSE) <──on it── /dev/loopN
//   detach ──asks────> KEY.sock
//
// All functions block until they are done: AttachDisk for at most a minute; DetachDisk for as long
// as the last flush takes, at most ten minutes, and the end of the server, at most 30 seconds;
// the others for as long as the server is at work on something else, at most ten minutes.
// Any thread may call them; ServeDisk is for a process of its own with one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "backend/disk_backend.h"
#include "backend/disk_keeper.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "cow/cow_disk.h"

namespace veneer {

struct AttachRequest {
  std::string store;
  std::string origin;
  // Becomes the disk, as a regular file, made where it is missing; with kNbd the socket.
  std::string at;
  std::string run_dir;
  ExportKind export_kind = ExportKind::kFuse;
  DiskAccess access = DiskAccess::kReadWrite;
  Exposure exposure = Exposure::kFile;
  // What AttachDisk runs, as `PROGRAM cow serve STORE --origin IMAGE --at PATH --run DIR
  // --ready-fd N [--read-only] [--block] [--export nbd]`; it calls ServeDisk, or BecomeNbdServer
  // (nbd_process.h), and returns what that returns.
  std::string program = "/proc/self/exe";
};

struct Attachment {
  std::string path;                   // absolute; or "nbd+unix:///?socket=PATH"
  std::optional<std::string> device;  // "/dev/loop3", for Exposure::kBlockDevice
  pid_t server = 0;
};

// Starts the server and returns once the disk can be opened. kConflict: the store is attached for
// writing already, or `at` is in use; kCorrupt: store and origin do not fit; kNotFound: a file is
// missing; kUnsupported: no FUSE, no loop devices or no nbdkit here. On failure nothing is left
// behind. What a dead server left at `at` is cleaned up first.
Result<Attachment> AttachDisk(const AttachRequest& request);

// Which disk is meant.
struct DiskName {
  std::string path;     // what AttachDisk returned as path or as device, or the socket
  std::string run_dir;  // for a disk by NBD: the one of its AttachRequest
};

// Flushes, takes the loop device and the mount or the socket away, and waits for the server to end.
// kNotFound: no disk of ours is there; kConflict: in use, the message names the holders and nothing
// has changed. What a dead server left behind is removed.
Result<void> DetachDisk(const DiskName& name);

// How full the store of the disk is. kNotFound: no disk of ours is there.
Result<DiskFill> FillOfDisk(const DiskName& name);

// Lengthens the store while the disk is in use, as DiskBackend::Grow. kUsage: it is read-only.
Result<DiskFill> GrowDisk(const DiskName& name, Bytes max_change);

// A clone of the disk's store, as DiskBackend::CloneStore; made by the server, which alone knows
// when it is whole. Where the caller dies meanwhile there is none.
Result<StoreClone> CloneStoreOfDisk(const DiskName& name, const std::string& clone);

// DiskKeeper::Keep and LetGo. kFailed where the server is dead, or too busy to answer at once.
Result<DiskActivity> KeepDisk(const DiskName& name, const WriteLease& lease);
Result<void> LetGoOfDisk(const DiskName& name, std::chrono::milliseconds term);

// The server process of a disk as a file: what AttachDisk starts as `veneer cow serve`. Serves
// until it is detached or gets SIGTERM, says on `ready` (a pipe) when it is attached or why it is
// not, and returns the exit status. A detach that has to be refused (the disk is in use, or the
// last flush has no room) is logged, and it serves on. Where nobody reads `ready` any more it
// detaches at once. Unmounting PATH by hand ends it as well, with everything flushed.
int ServeDisk(const AttachRequest& request, UniqueFd ready);

}  // namespace veneer
