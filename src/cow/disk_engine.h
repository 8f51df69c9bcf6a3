// DiskEngine: what CowDisk does once its arguments are checked.
//
// A range is taken apart into runs: neighbouring chunks that are unchanged, or that lie side by
// side in the store. A mapped run is read and written in place. The first write to a chunk takes a
// fresh one, fills all of it (from the caller, and around that from the origin), and only then
// maps it: a reader sees the old chunk or the new one. The range lock makes two threads that first
// write to one chunk take turns; nothing else waits.
//
// Ranges lie within the disk. Threads, errors and blocking as for CowDisk.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "cow/chunk_reserve.h"
#include "cow/exception_index.h"
#include "cow/flusher.h"
#include "cow/range_lock.h"
#include "cow/store_file.h"
#include "kernel/file.h"

namespace veneer {

class DiskEngine {
 public:
  // `exceptions`: those that `store` holds.
  DiskEngine(std::unique_ptr<File> origin, Bytes size, std::unique_ptr<StoreFile> store,
             std::span<const Exception> exceptions);

  [[nodiscard]] Bytes size() const { return size_; }
  [[nodiscard]] Bytes chunk_size() const { return geometry_.chunk_size().bytes(); }
  [[nodiscard]] const StoreFile& store() const { return *store_; }

  Result<void> Read(ByteOffset at, std::span<std::byte> out) const;
  Result<void> Write(ByteOffset at, std::span<const std::byte> data);
  Result<void> WriteZeroes(ByteOffset at, Bytes length);
  Result<void> Discard(ByteOffset at, Bytes length);
  Result<void> Flush() { return flusher_.Flush(); }
  [[nodiscard]] Result<Extent> NextData(ByteOffset from) const;
  [[nodiscard]] StoreFill Fill() const { return reserve_.Fill(size_); }
  Result<void> UpdateStoreSize();
  void ReserveAgain() { reserve_.ReserveAgain(); }

 private:
  // A range of the disk within one run of chunks.
  struct Piece {
    ByteOffset at;
    Bytes length;

    [[nodiscard]] ByteOffset end() const { return at + length; }
  };
  // The run of chunks at the start of a range, and the part of the range inside it.
  struct Found {
    MappedRun run;
    OriginChunk first;
    Piece piece;
  };

  [[nodiscard]] Found FindRun(ByteOffset at, Bytes length) const;
  // Where in the store the byte `at` of a mapped run lies.
  [[nodiscard]] ByteOffset StoreOffset(const Found& found, ByteOffset at) const;
  // All of a chunk, but for the disk's last.
  [[nodiscard]] Bytes BytesOnDisk(OriginChunk chunk) const;
  [[nodiscard]] ByteOffset disk_end() const { return ByteOffset(size_.value()); }

  Result<Bytes> WriteUnmapped(const Found& hint, std::span<const std::byte> data);
  Result<void> FillFresh(const Piece& piece, OriginChunk first, StoreRun run,
                         std::span<const std::byte> data);
  Result<void> FillPartialChunk(OriginChunk chunk, StoreChunk fresh, const Piece& piece,
                                std::span<const std::byte> data);
  Result<Bytes> ZeroUnmapped(const Found& hint);
  Result<Bytes> ZeroWholeChunks(OriginChunk first, Chunks count);
  void Map(OriginChunk first, StoreRun run);

  std::unique_ptr<File> origin_;
  std::unique_ptr<StoreFile> store_;
  Geometry geometry_;
  Bytes size_;
  ExceptionIndex index_;
  ChunkReserve reserve_;
  Flusher flusher_;
  RangeLock first_writes_;
};

}  // namespace veneer
