// StoreFile: an exception store that is open for the engine; reads its list, and extends it so
// that a cut at any moment leaves a sound store.
//
// The list ends at the first empty slot, and an area is read on only where the one before it is
// full. Commit uses that: it first writes what no reader can reach yet, the areas behind the
// current one, and syncs them together with the data; then the slots of the current area, and
// syncs again. After a cut the list therefore ends at the old place, at the new one, or between
// them, and what it names is durable.
//
// Invariant: on disk, the current area is zero from the first free slot on, and so is every area
// that is prepared.
//
// Verbs block on the file. Prepare and Commit may run at the same time in two threads, each of
// them in one thread at a time; UpdateCapacity, ForgetPrepared and capacity() belong to Prepare.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/units.h"
#include "format/exception.h"
#include "format/geometry.h"
#include "kernel/file.h"

namespace veneer {

// Of a store that cannot take more than `exceptions`.
Error StoreIsFull(const Geometry& geometry, std::uint64_t exceptions);

class StoreFile {
 public:
  enum class Mode : std::uint8_t { kReadOnly, kReadWrite };

  // Opens the store of a disk of `disk_size` bytes (see DiskSizeOf) and passes each exception to
  // `visit`. kCorrupt where it is invalid, breaks the format, or belongs to another disk. With
  // kReadWrite a store that was never activated becomes an empty one, and what a torn commit has
  // left behind the end of the list is zeroed.
  static Result<std::unique_ptr<StoreFile>> Open(
      std::unique_ptr<File> file, Bytes disk_size, Mode mode,
      const std::function<void(const Exception&)>& visit);

  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  [[nodiscard]] Chunks capacity() const { return capacity_; }
  [[nodiscard]] File& file() { return *file_; }
  // Takes on the size that the file has now, where that is larger: somebody has lengthened it.
  Result<void> UpdateCapacity();

  // Exceptions in the list.
  [[nodiscard]] std::uint64_t committed() const { return committed_; }

  // Makes ready for a list of `exceptions` in all: the areas for it read as zeros and have their
  // blocks, so that committing them later needs no more space. kNoSpace where the store or the
  // file system cannot hold that many.
  Result<void> Prepare(std::uint64_t exceptions);

  // What was made ready for more than these exceptions, all that there are and all of them
  // committed, is to be made ready again: the file's blocks are shared with a clone now.
  void ForgetPrepared(std::uint64_t exceptions);

  // Appends to the list, durably, with all data that was written before. Prepare was called for
  // them. After an error the same exceptions, in the same order, must come first in the next call.
  Result<void> Commit(std::span<const Exception> exceptions);

  // Makes all data that was written before durable.
  Result<void> Sync();

  // Fails where a sync has failed before. The host may have dropped what it could not write and
  // forgotten about it, so that a later sync would succeed and promise too much: from then on
  // Commit and Sync fail too.
  [[nodiscard]] Result<void> RequireSound() const;

 private:
  StoreFile(std::unique_ptr<File> file, const Geometry& geometry, Chunks capacity)
      : file_(std::move(file)), geometry_(geometry), capacity_(capacity) {}

  Result<void> Activate(Bytes disk_size);
  Result<void> ZeroBehindTheList();
  // Writes entries that belong into the slots from `slot` of the list on; within one area.
  Result<void> WriteSlots(std::uint64_t slot, std::span<const Exception> exceptions);

  std::unique_ptr<File> file_;
  Geometry geometry_;
  Chunks capacity_;
  std::uint64_t committed_ = 0;
  AreaIndex prepared_areas_ = 0;  // areas [0, prepared_areas_) are ready
  AreaIndex areas_in_use_ = 0;    // these have entries, which Prepare must not take
  std::atomic<bool> broken_ = false;
};

}  // namespace veneer
