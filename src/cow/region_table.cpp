#include "cow/region_table.h"

#include <algorithm>

namespace veneer {

RegionTable::RegionTable(PagePool& pool, std::uint32_t pages)
    : pool_(pool), pages_(std::make_unique<Page*[]>(pages)), page_count_(pages) {
  pool_.Take(this->pages());
}

RegionTable::~RegionTable() { pool_.GiveBack(pages()); }

std::unique_ptr<RegionTable> RegionTable::For(PagePool& pool, std::uint32_t entries) {
  return std::unique_ptr<RegionTable>(new RegionTable(pool, PagesFor(entries)));
}

std::unique_ptr<RegionTable> RegionTable::ToGrow(PagePool& pool, std::uint32_t entries) {
  const std::uint32_t enough = PagesFor(entries);
  // At least four places in five are taken then: less than eight bytes an entry. A table too small
  // for that grows by a page.
  const std::uint32_t roomy = (entries + entries / 4) / kPlaces;
  const std::uint32_t pages = enough == kArrayPages ? enough : std::max(enough, roomy);
  return std::unique_ptr<RegionTable>(new RegionTable(pool, pages));
}

// Hashed, one place in eight stays free; half of the region, an array.
std::uint32_t RegionTable::PagesFor(std::uint32_t entries) {
  if (entries >= kRegionChunks / 2) return kArrayPages;
  const std::uint32_t places = (8 * entries + 6) / 7;
  return (places + kPlaces - 1) / kPlaces;
}

void RegionTable::Add(std::uint32_t key, std::uint32_t store) {
  ++used_;
  if (IsArray()) {
    ArrayAt(key).store(store, std::memory_order_release);
    return;
  }
  std::uint32_t at = HomeOf(key);
  while (StoreAt(at).load(std::memory_order_relaxed) != 0) at = Next(at);
  // The other key of the word stays as it is, and this one's bits are zero: the place was free.
  Word& keys = KeysAt(at);
  keys.store(keys.load(std::memory_order_relaxed) | key << ShiftOf(at), std::memory_order_relaxed);
  StoreAt(at).store(store, std::memory_order_release);
}

void RegionTable::CopyTo(RegionTable& larger) const {
  for (std::uint32_t at = 0; at < places(); ++at) {
    const std::uint32_t store = StoreAt(at).load(std::memory_order_relaxed);
    if (store != 0) larger.Add(KeyAt(at), store);
  }
}

}  // namespace veneer
