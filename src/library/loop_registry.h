// LoopRegistry: the loop devices of template images, shared by all who need one.
//
// The kernel keeps the count. A device is there as long as somebody has it open, a snapshot over it
// being one of them, and clears itself then: whoever is killed, nothing leaks, and there is no
// count to lose. CreateSnapshot takes its devices from here by itself; a program needs a registry
// only to have a template's device for purposes of its own.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// A share in a device; to drop it is to release it. (A note of the device's number stays under the
// run directory; the next Acquire, RemoveSnapshot or CleanUpStale forgets it.)
struct OriginLoop {
  std::string path;  // "/dev/loop3"; the image itself where that is a block device
  UniqueFd hold{};
};

class LoopRegistry {
 public:
  // `run_dir`: DiskHostOptions::run_dir, so that snapshots share the devices; made where it is
  // missing.
  static Result<LoopRegistry> Open(const std::string& run_dir = "/run/veneer");

  struct Parts;
  explicit LoopRegistry(std::unique_ptr<Parts> parts);
  LoopRegistry(LoopRegistry&& other) noexcept;
  LoopRegistry& operator=(LoopRegistry&& other) noexcept;
  LoopRegistry(const LoopRegistry&) = delete;
  LoopRegistry& operator=(const LoopRegistry&) = delete;
  ~LoopRegistry();

  // The image's read-only device: one that is there, as long as fewer than 16 snapshots are over
  // it, else a new one. kUsage: not a multiple of 512 bytes; kNotFound: no such image;
  // kUnsupported: no loop devices here. Blocks for milliseconds; any thread, any process.
  Result<OriginLoop> Acquire(const std::string& image);

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace veneer
