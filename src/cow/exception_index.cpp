#include "cow/exception_index.h"

#include <algorithm>
#include <memory>

namespace veneer {

ExceptionIndex::ExceptionIndex(Chunks size, std::span<const Exception> exceptions)
    : regions_((size.value() + kRegionChunks - 1) / kRegionChunks) {
  std::vector<std::uint32_t> entries(regions_.size());
  for (const Exception& exception : exceptions) ++entries[RegionOf(exception.origin.value())];
  for (std::size_t region = 0; region < regions_.size(); ++region) {
    if (entries[region] == 0) continue;
    regions_[region] = RegionTable::For(pool_, entries[region]).release();
  }
  for (const Exception& exception : exceptions) {
    const std::uint64_t chunk = exception.origin.value();
    regions_[RegionOf(chunk)]
        .load(std::memory_order_relaxed)
        ->Add(static_cast<std::uint32_t>(chunk % kRegionChunks),
              static_cast<std::uint32_t>(exception.store.value()));
  }
}

ExceptionIndex::~ExceptionIndex() {
  for (const Region& region : regions_) const std::unique_ptr<RegionTable> last(region.load());
}

std::uint64_t ExceptionIndex::StoreOf(std::uint64_t chunk) const {
  const RegionTable* const table = regions_[RegionOf(chunk)].load();
  return table == nullptr ? 0 : table->Find(static_cast<std::uint32_t>(chunk % kRegionChunks));
}

MappedRun ExceptionIndex::Find(OriginChunk first, Chunks most) const {
  const ReadSections::Reader reader(readers_);
  const std::uint64_t begin = first.value();
  const std::uint64_t end = (first + most).value();
  const std::uint64_t store = StoreOf(begin);
  std::uint64_t chunk = begin + 1;
  while (chunk < end) {
    const bool region_begins = chunk % kRegionChunks == 0;
    if (store == 0 && region_begins && regions_[RegionOf(chunk)].load() == nullptr) {
      chunk += kRegionChunks;  // all of it is unchanged
      continue;
    }
    if (StoreOf(chunk) != (store == 0 ? 0 : store + (chunk - begin))) break;
    ++chunk;
  }
  MappedRun run{.store = std::nullopt, .count = Chunks(std::min(chunk, end) - begin)};
  if (store != 0) run.store = StoreChunk(store);
  return run;
}

void ExceptionIndex::Insert(OriginChunk first, StoreChunk store, Chunks count) {
  for (std::uint64_t done = 0; done < count.value();) {
    const std::uint64_t chunk = first.value() + done;
    const std::uint64_t region_end = (RegionOf(chunk) + 1) * kRegionChunks;
    const std::uint64_t here = std::min(count.value() - done, region_end - chunk);
    InsertInRegion(chunk, store.value() + done, here);
    done += here;
  }
}

void ExceptionIndex::InsertInRegion(std::uint64_t first, std::uint64_t store, std::uint64_t count) {
  const std::lock_guard lock(insert_locks_.at(RegionOf(first) % kInsertLocks));
  RegionTable& table = TableWithRoom(regions_[RegionOf(first)], static_cast<std::uint32_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    table.Add(static_cast<std::uint32_t>((first + i) % kRegionChunks),
              static_cast<std::uint32_t>(store + i));
  }
}

RegionTable& ExceptionIndex::TableWithRoom(Region& region, std::uint32_t more) {
  RegionTable* const table = region.load();
  if (table != nullptr && table->HasRoomFor(more)) return *table;
  const std::uint32_t used = table == nullptr ? 0 : table->used();
  std::unique_ptr<RegionTable> larger = RegionTable::ToGrow(pool_, used + more);
  if (table != nullptr) table->CopyTo(*larger);
  region = larger.get();
  if (table != nullptr) readers_.Wait();
  const std::unique_ptr<RegionTable> outgrown(table);
  return *larger.release();
}

}  // namespace veneer
