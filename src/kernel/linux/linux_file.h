// File on Linux: a descriptor of a regular file or a block device.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "kernel/file.h"
#include "kernel/file_stamp.h"

namespace veneer {

enum class Access : std::uint8_t { kReadOnly, kReadWrite };

// What tells two names of one file apart from two files.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

class LinuxFile final : public File {
 public:
  // Opens what exists. kNotFound, kUsage for a directory, pipe or the like, kFailed without
  // permission.
  static Result<std::unique_ptr<LinuxFile>> Open(const std::string& path, Access access);

  // Takes an open descriptor; `name` is for messages.
  LinuxFile(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Result<void> ReadAt(ByteOffset at, std::span<std::byte> out) const override;
  Result<void> WriteAt(ByteOffset at, std::span<const std::byte> data) override;
  Result<void> Sync() override;
  Result<void> PunchHole(ByteOffset at, Bytes length) override;
  Result<void> Allocate(ByteOffset at, Bytes length) override;
  [[nodiscard]] Result<Bytes> Size() const override;
  [[nodiscard]] Result<Extent> NextData(ByteOffset from) const override;

  // Cuts the file or lengthens it by a hole; regular files only.
  Result<void> Resize(Bytes size);

  // Has the host begin to read a range that will be asked for soon; never fails, never waits long.
  void Prefetch(ByteOffset at, Bytes length) const;

  // Blocks that the file takes on its file system (st_blocks × 512); 0 for a block device.
  [[nodiscard]] Result<Bytes> AllocatedBytes() const;
  // What is free on its file system, to users who are not root.
  [[nodiscard]] Result<Bytes> AvailableBytes() const;
  [[nodiscard]] Result<FileIdentity> Identity() const;
  // kUsage for a block device, whose node says nothing about its contents.
  [[nodiscard]] Result<FileStamp> Stamp() const;

  // Takes a lock on the open file description (flock(2)) that lasts until it is closed, by a
  // crash too. Never waits: kConflict where somebody else holds a lock that excludes this one.
  enum class Lock : std::uint8_t { kShared, kExclusive };
  [[nodiscard]] Result<void> TryLock(Lock lock) const;

  // Another descriptor of the same open file description; its lock lasts until both are closed.
  [[nodiscard]] Result<std::unique_ptr<LinuxFile>> Duplicate() const;

  [[nodiscard]] const UniqueFd& fd() const { return fd_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Result<void> WriteZeroes(ByteOffset at, Bytes length);

  UniqueFd fd_;
  std::string name_;
};

}  // namespace veneer
