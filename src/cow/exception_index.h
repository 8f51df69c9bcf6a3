// ExceptionIndex: from origin chunk to store chunk, for the engine.
//
// May be used by many threads at once; a look-up takes no lock and allocates nothing. Entries are
// never taken out or changed.
//
// The disk is divided into regions of 65,536 chunks, each with a table of its own once something in
// it has changed (RegionTable). A region with n changed chunks costs at most 8 n bytes and 500;
// beside that there are 8 bytes a region of the disk (2 KiB for 64 GiB with chunks of 4 KiB), and
// once what the largest table took that was outgrown.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/units.h"
#include "cow/page_pool.h"
#include "cow/read_sections.h"
#include "cow/region_table.h"
#include "format/exception.h"

namespace veneer {

// Neighbouring origin chunks that are all unchanged, or that lie side by side in the store.
struct MappedRun {
  std::optional<StoreChunk> store;  // of the first chunk; nullopt: unchanged
  Chunks count;
};

class ExceptionIndex {
 public:
  // Store chunks from this one on cannot be kept: 16 TiB of changes with chunks of 4 KiB.
  static constexpr StoreChunk kStoreEnd{std::uint64_t{1} << 32U};

  // A larger disk cannot be kept: 64 TiB with chunks of 4 KiB, for whose regions 2 MiB are needed.
  static constexpr Chunks kMostChunks{std::uint64_t{1} << 34U};

  // Of a disk of so many chunks, at most kMostChunks, with these exceptions: each chunk once, all
  // on the disk, and below kStoreEnd.
  explicit ExceptionIndex(Chunks size, std::span<const Exception> exceptions = {});
  ExceptionIndex(const ExceptionIndex&) = delete;
  ExceptionIndex& operator=(const ExceptionIndex&) = delete;
  ~ExceptionIndex();

  // The longest run from `first` on, of at most `most` chunks (at least one), all on the disk.
  [[nodiscard]] MappedRun Find(OriginChunk first, Chunks most) const;

  // Maps `count` chunks that are unchanged so far to store chunks that lie side by side, below
  // kStoreEnd.
  void Insert(OriginChunk first, StoreChunk store, Chunks count);

 private:
  static constexpr std::uint64_t kRegionChunks = RegionTable::kRegionChunks;
  static constexpr std::size_t kInsertLocks = 64;

  // A region's table; null: unchanged. The index owns it.
  using Region = std::atomic<RegionTable*>;

  static std::uint64_t RegionOf(std::uint64_t chunk) { return chunk / kRegionChunks; }
  // 0: unchanged (chunk 0 of a store is its header). While there is a Reader.
  [[nodiscard]] std::uint64_t StoreOf(std::uint64_t chunk) const;
  void InsertInRegion(std::uint64_t first, std::uint64_t store, std::uint64_t count);
  // The region's table, with room for `more` entries; the caller has its insert lock.
  RegionTable& TableWithRoom(Region& region, std::uint32_t more);

  PagePool pool_;
  std::vector<Region> regions_;
  std::array<std::mutex, kInsertLocks> insert_locks_;
  mutable ReadSections readers_;
};

}  // namespace veneer
