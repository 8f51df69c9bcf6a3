// DiskBackend: the port to a way of attaching a disk: a store over an origin, as something that a
// program can open.
//
// Two implementations, over the same store format: user/ (our engine, served through FUSE) and dm/
// (the kernel's snapshot target). A disk that was attached by one can be attached by the other
// after its detach. backend/testing has a working model for the tests of the rooms above.
//
// Verbs block until done (Attach up to a minute; Detach as long as the last flush takes and a
// bounded wait for openers). Any thread, any process: what is attached is found in the kernel and
// under the run directory, the object itself remembers nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend_kind.h"
#include "backend/disk_keeper.h"
#include "base/result.h"
#include "base/units.h"
#include "cow/clone.h"
#include "cow/cow_disk.h"
#include "cow/store_fill.h"

namespace veneer {

// How the user backend shows a disk.
enum class ExportKind : std::uint8_t {
  kFuse,  // as a file
  kNbd,   // by the network block device protocol, at a unix socket
};

// "fuse", "nbd"; as in JSON.
std::string_view ExportName(ExportKind kind);
std::optional<ExportKind> ExportNamed(std::string_view name);

enum class Exposure : std::uint8_t {
  kFile,         // as the backend likes best: a file (user), a block device (dm)
  kBlockDevice,  // a block device in any case
};

struct DiskRequest {
  std::string store;
  std::string origin;
  // dm: the device is "/dev/mapper/veneer-NAME". [a-z0-9][a-z0-9._-]{0,62}
  std::string name{};
  // user: the path that becomes the disk, as a regular file, made where it is missing; with kNbd
  // the server's socket, which is not there yet.
  std::string at{};
  ExportKind export_kind = ExportKind::kFuse;  // user
  DiskAccess access = DiskAccess::kReadWrite;
  Exposure exposure = Exposure::kFile;
};

struct AttachedDisk {
  // What a program opens, what Detach takes: an absolute path, or "nbd+unix:///?socket=PATH".
  std::string path;
  std::optional<std::string> device{};  // the block device, where there is one
};

// A clone of the store of an attached disk.
struct StoreClone {
  CloneMethod method = CloneMethod::kCopy;
  // How long the disk's users had to wait.
  std::chrono::duration<double, std::milli> held{};
};

// How full the store of an attached disk is.
using DiskFill = StoreFill;

class DiskBackend : public DiskKeeper {
 public:
  [[nodiscard]] virtual BackendKind kind() const = 0;

  // kUnsupported: this host lacks what it takes; the hint says what to load or install.
  [[nodiscard]] virtual Result<void> RequireHost() = 0;

  // On failure nothing is left behind. kConflict: the store is attached already (here or by another
  // backend), or name or path are in use; kCorrupt: store and origin do not fit, or the store is
  // invalid; kNotFound: a file is missing; kUnsupported: see RequireHost.
  virtual Result<AttachedDisk> Attach(const DiskRequest& request) = 0;

  // Flushes and takes everything away; what was written is durable in the store then. `path`: what
  // Attach returned as path or device. kNotFound: no disk of ours is there; kConflict: still in use
  // after a bounded wait, the message names the holders and nothing has changed.
  virtual Result<void> Detach(const std::string& path) = 0;

  [[nodiscard]] virtual Result<DiskFill> Fill(const std::string& path) = 0;

  // Lengthens the store, while the disk is in use, so that `max_change` bytes in all may be
  // changed (all of the disk, where that is more than it has). Where that much fits already nothing
  // happens. kNoSpace where the file system cannot hold a file of that length.
  virtual Result<DiskFill> Grow(const std::string& path, Bytes max_change) = 0;

  // The store as it is at one moment, with all that was written before it, as the new file `clone`:
  // durable, whole or not at all. The disk's users are held back while blocks are shared (or, where
  // the file system cannot, data is copied), and never longer, whatever is killed or fails.
  // kConflict: `clone` exists; kUsage: the disk is attached read-only.
  virtual Result<StoreClone> CloneStore(const std::string& path, const std::string& clone) = 0;

  // The disks that are attached and served, as the `path` that Attach returned: what Detach takes.
  // One whose server died is none of them. One look for all, whatever their number.
  [[nodiscard]] virtual Result<std::vector<std::string>> Attached() = 0;

  // Whether this one is among them.
  [[nodiscard]] virtual Result<bool> IsAttached(const std::string& path);
};

}  // namespace veneer
