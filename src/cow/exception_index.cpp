#include "cow/exception_index.h"

#include <algorithm>
#include <memory>

namespace veneer {

// One region's entries, all in one block of words, which this only points at:
//
//   places | entries | a store chunk for each place | two keys in a word, where it is no array
//
// Inserts come from one thread at a time; look-ups meanwhile find an entry or do not.
class ExceptionIndex::Table {
 public:
  explicit Table(Word* words) : words_(words) {}

  // Of a new table with so many places; the caller's to delete.
  static Word* Make(std::uint32_t places) {
    const std::uint32_t keys = places == kRegionChunks ? 0 : (places + 1) / 2;
    auto words = std::make_unique<Word[]>(kHeaderWords + places + keys);
    words[kPlaces].store(places, std::memory_order_relaxed);
    return words.release();
  }
  // How many hold so many entries: hashed, one in eight stays free; half of the region, an array.
  static std::uint32_t PlacesFor(std::uint32_t entries) {
    return entries >= kRegionChunks / 2 ? std::uint32_t{kRegionChunks} : (8 * entries + 6) / 7;
  }
  // The same with room to grow.
  static std::uint32_t PlacesToGrow(std::uint32_t entries) {
    if (entries >= kRegionChunks / 2) return kRegionChunks;
    return std::max(entries + kSpare, entries + (2 * entries + 6) / 7);
  }

  [[nodiscard]] bool HasRoomFor(std::uint32_t more) const {
    return IsArray() || 8 * (used() + more) <= 7 * places();
  }
  [[nodiscard]] std::uint32_t used() const { return words_[kUsed].load(std::memory_order_relaxed); }

  // The store chunk of the region's chunk `key`; 0: unchanged (chunk 0 is the header).
  [[nodiscard]] std::uint32_t Find(std::uint32_t key) const {
    if (IsArray()) return StoreAt(key).load(std::memory_order_acquire);
    for (std::uint32_t at = HomeOf(key);; at = Next(at)) {
      const std::uint32_t store = StoreAt(at).load(std::memory_order_acquire);
      if (store == 0 || KeyAt(at) == key) return store;
    }
  }

  // There is room, and no such key.
  void Add(std::uint32_t key, std::uint32_t store) {
    std::uint32_t at = key;
    if (!IsArray()) {
      at = HomeOf(key);
      while (StoreAt(at).load(std::memory_order_relaxed) != 0) at = Next(at);
      SetKey(at, key);
    }
    StoreAt(at).store(store, std::memory_order_release);
    words_[kUsed].store(used() + 1, std::memory_order_relaxed);
  }

  void CopyTo(Table other) const {
    for (std::uint32_t at = 0; at < places(); ++at) {
      const std::uint32_t store = StoreAt(at).load(std::memory_order_relaxed);
      if (store != 0) other.Add(IsArray() ? at : KeyAt(at), store);
    }
  }

 private:
  // Small tables would grow at every other entry, and leave the heap full of what they outgrew.
  static constexpr std::uint32_t kSpare = 64;
  static constexpr std::size_t kPlaces = 0;
  static constexpr std::size_t kUsed = 1;
  static constexpr std::size_t kHeaderWords = 2;
  static constexpr std::uint32_t kKeyBits = 16;
  static constexpr std::uint32_t kKeyMask = (1U << kKeyBits) - 1;

  [[nodiscard]] std::uint32_t places() const {
    return words_[kPlaces].load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool IsArray() const { return places() == kRegionChunks; }
  [[nodiscard]] std::uint32_t Next(std::uint32_t at) const {
    return at + 1 == places() ? 0 : at + 1;
  }
  // Fibonacci hashing (Knuth, TAOCP 6.4), and its upper half scaled to the places.
  [[nodiscard]] std::uint32_t HomeOf(std::uint32_t key) const {
    const std::uint32_t hash = key * 0x9e3779b9U;
    return static_cast<std::uint32_t>((std::uint64_t{hash} * places()) >> 32U);
  }

  [[nodiscard]] Word& StoreAt(std::uint32_t at) const { return words_[kHeaderWords + at]; }
  [[nodiscard]] Word& KeysAt(std::uint32_t at) const {
    return words_[kHeaderWords + places() + at / 2];
  }
  [[nodiscard]] std::uint32_t KeyAt(std::uint32_t at) const {
    return KeysAt(at).load(std::memory_order_relaxed) >> ShiftOf(at) & kKeyMask;
  }
  // Of a free place. The other key of the word stays as it is.
  void SetKey(std::uint32_t at, std::uint32_t key) {
    Word& keys = KeysAt(at);
    keys.store(keys.load(std::memory_order_relaxed) | key << ShiftOf(at),
               std::memory_order_relaxed);
  }
  static std::uint32_t ShiftOf(std::uint32_t at) { return at % 2 * kKeyBits; }

  Word* words_;
};

ExceptionIndex::ExceptionIndex(Chunks size, std::span<const Exception> exceptions)
    : regions_((size.value() + kRegionChunks - 1) / kRegionChunks) {
  std::vector<std::uint32_t> entries(regions_.size());
  for (const Exception& exception : exceptions) ++entries[RegionOf(exception.origin.value())];
  for (std::size_t region = 0; region < regions_.size(); ++region) {
    if (entries[region] == 0) continue;
    regions_[region].store(Table::Make(Table::PlacesFor(entries[region])));
  }
  for (const Exception& exception : exceptions) {
    const std::uint64_t chunk = exception.origin.value();
    Table(regions_[RegionOf(chunk)].load(std::memory_order_relaxed))
        .Add(static_cast<std::uint32_t>(chunk % kRegionChunks),
             static_cast<std::uint32_t>(exception.store.value()));
  }
}

ExceptionIndex::~ExceptionIndex() {
  for (const auto& region : regions_) const std::unique_ptr<Word[]> last(region.load());
}

std::uint64_t ExceptionIndex::StoreOf(std::uint64_t chunk) const {
  Word* const words = regions_[RegionOf(chunk)].load();
  return words == nullptr ? 0
                          : Table(words).Find(static_cast<std::uint32_t>(chunk % kRegionChunks));
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
  Table table = TableWithRoom(regions_[RegionOf(first)], static_cast<std::uint32_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    table.Add(static_cast<std::uint32_t>((first + i) % kRegionChunks),
              static_cast<std::uint32_t>(store + i));
  }
}

ExceptionIndex::Table ExceptionIndex::TableWithRoom(std::atomic<Word*>& region,
                                                    std::uint32_t more) {
  Word* const words = region.load();
  if (words == nullptr) {
    region.store(Table::Make(Table::PlacesToGrow(more)));
    return Table(region.load());
  }
  const Table table(words);
  if (table.HasRoomFor(more)) return table;
  Word* const larger = Table::Make(Table::PlacesToGrow(table.used() + more));
  table.CopyTo(Table(larger));
  region.store(larger);
  readers_.Wait();
  const std::unique_ptr<Word[]> outgrown(words);
  return Table(larger);
}

}  // namespace veneer
