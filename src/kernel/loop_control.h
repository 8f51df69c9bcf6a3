// LoopControl: the port to loop devices: a file, seen as a block device.
//
// Two ways to keep one. Attach makes a device that stays until Detach, whoever ends or is killed.
// AttachHeld makes one that clears itself when its last opener is gone (autoclear), a device on top
// of it being an opener: the kernel counts, nothing can leak.
//
// Verbs block on the kernel; opening the backing file and the device may wait for a FUSE server, so
// a server calls them only where it can still be killed (see IsolatedThread). Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

struct LoopDevice {
  unsigned number = 0;
  std::string path;      // "/dev/loop3"
  dev_t device = 0;      // its number as a block device
  bool direct = false;   // passes I/O on without a second copy in the page cache
  unsigned stacked = 0;  // block devices on top of it (/sys/block/loopN/holders)
  // What was behind it when it was attached, held or found.
  std::optional<FileIdentity> file{};
};

enum class LoopIo : std::uint8_t {
  kDirect,    // past the page cache where that works (LoopDevice::direct tells)
  kBuffered,  // through the page cache of the file, which all devices on that file share
};

struct LoopOptions {
  Access access = Access::kReadWrite;
  LoopIo io = LoopIo::kDirect;
  Bytes block_size = kSectorSize;  // logical; a power of two, 512 … 4096
  // That device and no other; a free one where absent.
  std::optional<unsigned> number{};
};

// A device that is there as long as somebody has it open; `hold` has.
struct HeldLoop {
  LoopDevice device;
  UniqueFd hold;
};

// What Detach does where writing back fails.
enum class OnWriteError : std::uint8_t {
  kKeep,  // report it; nothing has changed
  kGoOn,  // free the device all the same: the file behind it is broken
};

class LoopControl {
 public:
  LoopControl() = default;
  LoopControl(const LoopControl&) = delete;
  LoopControl& operator=(const LoopControl&) = delete;
  virtual ~LoopControl() = default;

  // Puts a loop device on the file. kUnsupported where the kernel has no loop devices; kConflict
  // where options.number is taken.
  virtual Result<LoopDevice> Attach(const std::string& file, const LoopOptions& options) = 0;

  // The same on an open file, with autoclear. The device keeps this very open file description,
  // and with it the file's lock (LinuxFile::TryLock), until it clears itself.
  virtual Result<HeldLoop> AttachHeld(const LinuxFile& file, const LoopOptions& options) = 0;

  // Opens a device that is there and has this file behind it; it cannot clear itself from then on.
  // kNotFound where it is free or has another file.
  virtual Result<HeldLoop> Hold(unsigned number, const FileIdentity& file) = 0;

  // The devices that have this file behind them. `path` finds them too where the file itself
  // cannot be asked any more, as on a FUSE mount whose server died.
  [[nodiscard]] virtual Result<std::vector<LoopDevice>> Find(const FileIdentity& file,
                                                             const std::string& path) const = 0;

  // The path of the file behind a device ("/dev/loop3"). kNotFound: no loop device, or a free one.
  [[nodiscard]] virtual Result<std::string> BackingFile(const std::string& device) const = 0;

  // Has the device take on the size that its file has now. Works while it is in use.
  virtual Result<void> UpdateSize(const LoopDevice& device) = 0;

  // Writes back what is dirty, then frees the device and waits until it is free. A free device is
  // fine, and so is one that has another file by now: somebody freed it and somebody took it.
  // kConflict: somebody has it open, still after a few seconds; nothing has changed then.
  virtual Result<void> Detach(const LoopDevice& device, OnWriteError on_write_error) = 0;
};

}  // namespace veneer
