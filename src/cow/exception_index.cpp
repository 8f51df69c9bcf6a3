#include "cow/exception_index.h"

#include <algorithm>
#include <memory>

namespace veneer {

// One region's entries. Inserts come from one thread at a time; look-ups meanwhile find an entry
// or do not.
class ExceptionIndex::Table {
 public:
  explicit Table(std::uint32_t places)
      : places_(places),
        stores_(std::make_unique<std::atomic<std::uint32_t>[]>(places)),
        keys_(places == kRegionChunks ? nullptr
                                      : std::make_unique<std::atomic<std::uint16_t>[]>(places)) {}

  // The table that holds so many entries.
  static std::unique_ptr<Table> For(std::uint32_t entries) {
    // An array has room for all; hashed, one place in eight stays free.
    if (entries >= kRegionChunks / 2) return std::make_unique<Table>(std::uint32_t{kRegionChunks});
    return std::make_unique<Table>(std::max(entries + kSpare, entries + (2 * entries + 6) / 7));
  }

  [[nodiscard]] bool HasRoomFor(std::uint32_t more) const {
    return IsArray() || 8 * (used_ + more) <= 7 * places_;
  }
  [[nodiscard]] std::uint32_t used() const { return used_; }

  // The store chunk of the region's chunk `key`; 0: unchanged (chunk 0 is the header).
  [[nodiscard]] std::uint32_t Find(std::uint32_t key) const {
    if (IsArray()) return stores_[key].load(std::memory_order_acquire);
    for (std::uint32_t at = HomeOf(key);; at = Next(at)) {
      const std::uint32_t store = stores_[at].load(std::memory_order_acquire);
      if (store == 0 || keys_[at].load(std::memory_order_relaxed) == key) return store;
    }
  }

  // There is room, and no such key.
  void Add(std::uint32_t key, std::uint32_t store) {
    std::uint32_t at = key;
    if (!IsArray()) {
      at = HomeOf(key);
      while (stores_[at].load(std::memory_order_relaxed) != 0) at = Next(at);
      keys_[at].store(static_cast<std::uint16_t>(key), std::memory_order_relaxed);
    }
    stores_[at].store(store, std::memory_order_release);
    ++used_;
  }

  void CopyTo(Table& other) const {
    for (std::uint32_t at = 0; at < places_; ++at) {
      const std::uint32_t store = stores_[at].load(std::memory_order_relaxed);
      if (store == 0) continue;
      other.Add(IsArray() ? at : keys_[at].load(std::memory_order_relaxed), store);
    }
  }

 private:
  static constexpr std::uint32_t kSpare = 8;  // small tables would grow at every other entry

  [[nodiscard]] bool IsArray() const { return places_ == kRegionChunks; }
  [[nodiscard]] std::uint32_t Next(std::uint32_t at) const {
    return at + 1 == places_ ? 0 : at + 1;
  }
  // Fibonacci hashing (Knuth, TAOCP 6.4), and its upper half scaled to the places.
  [[nodiscard]] std::uint32_t HomeOf(std::uint32_t key) const {
    const std::uint32_t hash = key * 0x9e3779b9U;
    return static_cast<std::uint32_t>((std::uint64_t{hash} * places_) >> 32U);
  }

  std::uint32_t places_;
  std::uint32_t used_ = 0;
  std::unique_ptr<std::atomic<std::uint32_t>[]> stores_;
  std::unique_ptr<std::atomic<std::uint16_t>[]> keys_;  // where it is no array
};

ExceptionIndex::ExceptionIndex(Chunks size)
    : regions_((size.value() + kRegionChunks - 1) / kRegionChunks) {}

ExceptionIndex::~ExceptionIndex() {
  for (const auto& region : regions_) const std::unique_ptr<Table> last(region.load());
}

std::uint64_t ExceptionIndex::StoreOf(std::uint64_t chunk) const {
  const Table* const table = regions_[RegionOf(chunk)].load();
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
  Table& table = TableWithRoom(regions_[RegionOf(first)], static_cast<std::uint32_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    table.Add(static_cast<std::uint32_t>((first + i) % kRegionChunks),
              static_cast<std::uint32_t>(store + i));
  }
}

ExceptionIndex::Table& ExceptionIndex::TableWithRoom(std::atomic<Table*>& region,
                                                     std::uint32_t more) {
  Table* const table = region.load();
  if (table != nullptr && table->HasRoomFor(more)) return *table;
  std::unique_ptr<Table> larger = Table::For((table == nullptr ? 0 : table->used()) + more);
  if (table == nullptr) {
    region.store(larger.get());
    return *larger.release();
  }
  table->CopyTo(*larger);
  region.store(larger.get());
  readers_.Wait();
  delete table;
  return *larger.release();
}

}  // namespace veneer
