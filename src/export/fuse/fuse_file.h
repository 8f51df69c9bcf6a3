// FuseFile: the answers of a FUSE file system that is one regular file, the disk.
//
// The root of the mount is the file itself. Each read and write reaches the disk before it returns,
// and so a write gets its own ENOSPC; the kernel keeps no pages of this file (it cannot be mapped
// with MAP_SHARED), those of the image and the store are enough. Size and contents are the disk's;
// owner, mode and times live here, as long as the mount does, so that a VMM of another user can be
// let in.
// Called by the threads of libfuse, many at once; blocks as the disk does.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "cow/cow_disk.h"

struct fuse_lowlevel_ops;  // NOLINT(readability-identifier-naming): libfuse's name

namespace veneer {

// The most that one request reads or writes.
inline constexpr Bytes kFuseRequestLimit = MiB(1);

class FuseFile {
 public:
  // `disk` outlives this object.
  explicit FuseFile(CowDisk& disk);

  // What libfuse calls; the user data of the session is the FuseFile.
  static const fuse_lowlevel_ops& Operations();

  [[nodiscard]] CowDisk& disk() const { return disk_; }
  [[nodiscard]] struct stat Attributes() const;

  // Takes over owner, mode and times; `fields` are FUSE_SET_ATTR_… bits, not the size.
  void SetAttributes(const struct stat& wanted, int fields);

  // Remembers the time of a change to the contents.
  void Touch();

  void Opened() { ++opens_; }
  void Closed() { --opens_; }
  [[nodiscard]] bool IsOpen() const { return opens_ != 0; }

 private:
  CowDisk& disk_;
  mutable std::mutex mutex_;  // guards status_
  struct stat status_{};
  std::atomic<std::int64_t> changed_ns_;  // since 1970; apart, since every write sets it
  std::atomic<std::int64_t> opens_ = 0;
};

}  // namespace veneer
