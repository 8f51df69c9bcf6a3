// LoopControl: the port to loop devices: a file, seen as a block device.
//
// A device that was attached here stays until Detach, whoever ends or is killed: it does not clear
// itself. Verbs block on the kernel; opening the backing file and the device may wait for a FUSE
// server, so a server calls them only where it can still be killed (see DeviceThread). Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

struct LoopDevice {
  unsigned number = 0;
  std::string path;     // "/dev/loop3"
  dev_t device = 0;     // its number as a block device
  bool direct = false;  // passes I/O on without a second copy in the page cache
};

struct LoopOptions {
  Access access = Access::kReadWrite;
  Bytes block_size = kSectorSize;  // logical; a power of two, 512 … 4096
  // That device and no other; a free one where absent.
  std::optional<unsigned> number{};
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

  // Puts a loop device on the file, with direct I/O where that works. kUnsupported where the
  // kernel has no loop devices; kConflict where options.number is taken.
  virtual Result<LoopDevice> Attach(const std::string& file, const LoopOptions& options) = 0;

  // The devices that have this file behind them. `path` finds them too where the file itself
  // cannot be asked any more, as on a FUSE mount whose server died.
  [[nodiscard]] virtual Result<std::vector<LoopDevice>> Find(const FileIdentity& file,
                                                             const std::string& path) const = 0;

  // The path of the file behind a device ("/dev/loop3"). kNotFound: no loop device, or a free one.
  [[nodiscard]] virtual Result<std::string> BackingFile(const std::string& device) const = 0;

  // Writes back what is dirty, then frees the device and waits until it is free. A free device is
  // fine. kConflict: somebody has it open, still after a few seconds; nothing has changed then.
  virtual Result<void> Detach(const LoopDevice& device, OnWriteError on_write_error) = 0;
};

}  // namespace veneer
