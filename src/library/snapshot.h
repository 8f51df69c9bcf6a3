// Snapshots: writable disks over one shared image, as `dmsetup create … snapshot` makes them.
//
// The image (origin) is only read. What is written goes to the store, a sparse file in the format
// of the kernel's persistent snapshots; it stays when the snapshot is removed, and RestoreSnapshot
// goes on with it. What was flushed is in it, whatever is killed.
//
// All verbs block until done: making and restoring takes milliseconds (kUser: the start of a
// process), removing also as long as the last write-back and a bounded wait for the last opener
// take. Any thread, any process. On failure nothing is left behind but what was there.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "library/disk_host.h"
#include "library/template_identity.h"

namespace veneer {

struct SnapshotRequest {
  std::string origin;  // a file; with kDm also a block device
  std::string store;   // a file
  // kDm: the device is "/dev/mapper/veneer-NAME". [a-z0-9][a-z0-9._-]{0,62}
  std::string name{};
  // kUser: the path that becomes the disk, as a regular file; made where it is missing.
  std::string at{};
};

struct StoreOptions {
  Bytes chunk_size = KiB(4);  // a power of two, up to 1 MiB
  // Larger than the image: zeros follow it.
  std::optional<Bytes> disk_size{};
  // The most that may be rewritten. Where absent all of the disk fits, metadata included.
  std::optional<Bytes> max_change{};
};

struct Snapshot {
  std::string path;  // absolute: what a program opens, what RemoveSnapshot takes
};

// Makes a store and attaches it. kConflict: the store exists, or the name (the path) is taken;
// kNotFound: no image; kUsage: a name or a size that cannot be; kUnsupported: a host without what
// it takes. Killed half-way it may leave an empty store, which RestoreSnapshot takes.
Result<Snapshot> CreateSnapshot(DiskHost& host, const SnapshotRequest& request,
                                const StoreOptions& options = {});

// Attaches a store that is there, after a look at all of it. kNotFound: no store, or no image;
// kCorrupt: the kernel has given the store up, it breaks the format, or it was not made from this
// image; kConflict: it is attached already, or the name is taken. The image is known by its size
// at least, and with `made_from` by its contents (see VerifyTemplate).
Result<Snapshot> RestoreSnapshot(DiskHost& host, const SnapshotRequest& request,
                                 const std::optional<TemplateIdentity>& made_from = std::nullopt);

// Takes the disk away; what was written is durable in the store then. `path`: Snapshot::path.
// kConflict: still in use when the patience is over; the message names who has it open, and
// nothing has changed. kNotFound: no snapshot of this host is there.
Result<void> RemoveSnapshot(DiskHost& host, const std::string& path);

}  // namespace veneer
