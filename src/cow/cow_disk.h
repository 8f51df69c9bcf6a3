// CowDisk: a writable disk over a read-only origin; what is written goes to the store.
//
// It behaves as a block device with a volatile write cache. A completed write is seen by every
// later read; it is durable once a Flush that began after it has completed. Whatever is cut off,
// the store stays readable, holds all that was flushed, and every chunk that was written since is
// the old one or the new one.
//
// Any byte offset and length is accepted, within size(). All verbs may be called from many
// threads at once, and block on the store's file system. Writes that overlap each other in time
// leave one or the other, as on any disk; writes to different bytes of one chunk never disturb
// each other.
//
// Errors: kNoSpace where the store or its file system is full (nothing is lost; the same write
// succeeds once there is room), kUsage beyond the end of the disk or on a read-only one, kFailed
// for I/O errors. After a failed sync every later write and flush fails: what the host dropped
// cannot be promised any more.
//
// Memory: at most 8 bytes for each changed chunk, and a fixed part that is small
// (exception_index.h); 16 more for one that was not flushed yet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/units.h"
#include "cow/store_fill.h"
#include "cow/write_hold.h"
#include "kernel/file.h"

namespace veneer {

enum class DiskAccess : std::uint8_t { kReadOnly, kReadWrite };

// Counted since the disk was opened.
struct DiskCounters {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t errors = 0;
  Bytes bytes_read;
  Bytes bytes_written;
};

class CowDisk {
 public:
  // Takes both files. The disk may be larger than the origin: behind it, it reads as zeros until
  // it is written. kCorrupt: the store breaks the format, is invalid, or belongs to an origin of
  // another size. A store that was never activated is activated (kReadWrite) or read as empty.
  static Result<std::unique_ptr<CowDisk>> Open(std::unique_ptr<File> origin,
                                               std::unique_ptr<File> store, DiskAccess access);

  CowDisk(const CowDisk&) = delete;
  CowDisk& operator=(const CowDisk&) = delete;
  ~CowDisk();  // does not flush: a disk that is dropped is a cut

  [[nodiscard]] Bytes size() const;
  [[nodiscard]] Bytes chunk_size() const;
  [[nodiscard]] DiskAccess access() const;

  Result<void> Read(ByteOffset at, std::span<std::byte> out);
  Result<void> Write(ByteOffset at, std::span<const std::byte> data);

  // The range reads as zeros; whole chunks give their blocks back to the host.
  Result<void> WriteZeroes(ByteOffset at, Bytes length);

  // The contents are of no more use: changed chunks inside the range read as zeros and give their
  // blocks back; all else stays as it is and costs nothing.
  Result<void> Discard(ByteOffset at, Bytes length);

  // Everything that was completed before the call is durable when it returns.
  Result<void> Flush();

  // Calls `act` at a moment when the store's file holds all that was completed before, durable, and
  // nothing else: writers wait until it returns, readers do not. `act` may read the disk; if it
  // writes to it, it waits for itself. Yields how long writers were kept waiting at most; where the
  // flush fails `act` is not called. Callers take turns. `act` may clone the store's file: room for
  // exceptions is reserved again by the writers that come then.
  Result<std::chrono::nanoseconds> AtCommittedMoment(const std::function<Result<void>()>& act);

  // The first stretch at or after `from` that may hold something other than zeros; empty, at the
  // end of the disk, where there is none.
  [[nodiscard]] Result<Extent> NextData(ByteOffset from);

  // How full the store is, with what was not flushed yet.
  [[nodiscard]] StoreFill Fill() const;

  // Makes the size that the store's file has now durable and takes it on, where it was lengthened
  // (LengthenServedStore). Writes that met a full store succeed from then on.
  Result<void> UpdateStoreSize();

  [[nodiscard]] DiskCounters counters() const;

  // From now on Write and WriteZeroes wait where `hold` says so, and where they meet a full file
  // system meanwhile they wait too, and are done then. Reads, flushes and discards never wait.
  // Before the disk is used; `hold` outlives it.
  void HoldWritersBy(WriteHold& hold);

 private:
  struct Parts;
  explicit CowDisk(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace veneer
