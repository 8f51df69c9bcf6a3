// Import: a template's image out of what a user has.
//
//   raw       a file or a block device: cloned where the file system can (FICLONE), else copied
//             without its zeros
//   qcow2     converted by qemu-img (Debian: qemu-utils). One that needs a backing file, a data
//             file or a key is refused before QEMU opens it: it could name any file of the host
//   tar       plain, gzip, bzip2, xz or zstd: unpacked (as root: owners count) into a hidden
//             directory beside the output, and made an ext4 file system (tar, e2fsprogs)
//
// The format is decided by the contents, never by the name. The image appears whole or not at all,
// sparse, durable, mode 0400. A process that is killed leaves at most what SweepLeftovers
// (images/leftovers.h) removes; programs that it has started die with it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "cow/clone.h"
#include "images/image_format.h"
#include "images/space.h"

namespace veneer {

struct ImportOptions {
  // No image, and no archive's contents, may be larger: a small file can claim to be anything.
  Bytes max_size = GiB(1024);
  // The file system to make of an archive: whole MiB. By default what it holds, and some room.
  std::optional<Bytes> size = {};
  // Looked at before anything large is written, as soon as the bytes to be written are known; none
  // where the caller has seen to the room.
  std::optional<SpaceReserve> reserve = SpaceReserve{};
  // Called now and then with (bytes done, bytes in all) of whatever the work is measured by; may be
  // empty. In all: the same in every call.
  std::function<void(Bytes, Bytes)> progress = {};
};

struct ImportReport {
  ImageFormat format = ImageFormat::kRaw;  // that the source had
  std::optional<CloneMethod> method = {};  // of a raw one
  Bytes size;                              // of the image
};

// kNotFound; kUsage: no image, another hypervisor's, one that needs other files, or a size given
// for what is no archive; kConflict: the output exists, the source is in use or was changed
// meanwhile; kNoSpace: no room, or over max_size; kCorrupt: damaged, or an archive with names that
// lead out of it; kUnsupported: a program is missing, or not root. Blocks for as long as it takes.
Result<ImportReport> ImportImage(const std::string& source, const std::string& output,
                                 const ImportOptions& options = {});

}  // namespace veneer
