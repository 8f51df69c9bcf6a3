// File: the port to a regular file or block device that the store and the engine live on.
//
// Offsets and lengths are in bytes. Every verb may block on the device and may be called from
// many threads at once. Errors carry the errno of the system call; ENOSPC is kNoSpace.
// The fake in kernel/testing is a working model that can lose what was not synced.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// A stretch of a file. Empty where length is zero.
struct Extent {
  ByteOffset begin;
  Bytes length;

  [[nodiscard]] ByteOffset end() const { return begin + length; }
};

class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  // Fills all of `out`; a file that ends before that is kCorrupt.
  virtual Result<void> ReadAt(ByteOffset at, std::span<std::byte> out) const = 0;

  // Writes all of `data`, or fails with an unknown part of it written.
  virtual Result<void> WriteAt(ByteOffset at, std::span<const std::byte> data) = 0;

  // Makes every write, hole and allocation that was completed before the call durable.
  virtual Result<void> Sync() = 0;

  // The range reads as zeros afterwards; its blocks go back to the file system where it can.
  virtual Result<void> PunchHole(ByteOffset at, Bytes length) = 0;

  // Takes blocks for the range, which no clone shares, so that writing to it later does not run out
  // of space. Contents do not change. A file system that cannot reserve is no error: the write
  // finds out.
  virtual Result<void> Allocate(ByteOffset at, Bytes length) = 0;

  [[nodiscard]] virtual Result<Bytes> Size() const = 0;

  // The first stretch at or after `from` that may hold something other than zeros; empty, at the
  // end of the file, where there is none.
  [[nodiscard]] virtual Result<Extent> NextData(ByteOffset from) const = 0;
};

}  // namespace veneer
