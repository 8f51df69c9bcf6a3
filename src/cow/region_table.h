// RegionTable: the changed chunks of one region of a disk, 65,536 chunks; part of ExceptionIndex.
//
// Open addressing, six bytes a place, or, where half of the region has changed, an array of four
// bytes a chunk. Made for so many entries; who needs more makes a larger one and copies. Its memory
// is pages of a pool, so that tables of all sizes fit each other's remains:
//
//   hashed   64 store chunks | 64 keys, two in a word
//   array    96 store chunks
//
// Inserts come from one thread at a time; look-ups meanwhile, from any, find an entry or do not.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <tuple>

#include "cow/page_pool.h"

namespace veneer {

class RegionTable {
 public:
  static constexpr std::uint32_t kRegionChunks = 1U << 16U;

  // For so many entries and none more: one place in eight stays free.
  static std::unique_ptr<RegionTable> For(PagePool& pool, std::uint32_t entries);
  // With room to grow: some for each entry, so that copying costs each a constant.
  static std::unique_ptr<RegionTable> ToGrow(PagePool& pool, std::uint32_t entries);

  RegionTable(const RegionTable&) = delete;
  RegionTable& operator=(const RegionTable&) = delete;
  ~RegionTable();

  [[nodiscard]] bool HasRoomFor(std::uint32_t more) const {
    return IsArray() || PagesFor(used_ + more) <= page_count_;
  }
  [[nodiscard]] std::uint32_t used() const { return used_; }

  // The store chunk of the region's chunk `key`; 0: unchanged (chunk 0 is the header).
  [[nodiscard]] std::uint32_t Find(std::uint32_t key) const {
    if (IsArray()) return ArrayAt(key).load(std::memory_order_acquire);
    for (std::uint32_t at = HomeOf(key);; at = Next(at)) {
      const std::uint32_t store = StoreAt(at).load(std::memory_order_acquire);
      if (store == 0 || KeyAt(at) == key) return store;
    }
  }

  // There is room, and no such key.
  void Add(std::uint32_t key, std::uint32_t store);

  // Of one that has no room: it is hashed, an array has room for all.
  void CopyTo(RegionTable& larger) const;

 private:
  using Word = PagePool::Word;
  using Page = PagePool::Page;

  static constexpr std::uint32_t kArrayPlaces = std::tuple_size_v<Page>;  // in a page
  static constexpr std::uint32_t kPlaces = kArrayPlaces * 2 / 3;
  static constexpr std::uint32_t kArrayPages = (kRegionChunks + kArrayPlaces - 1) / kArrayPlaces;
  static constexpr std::uint32_t kKeyBits = 16;
  static constexpr std::uint32_t kKeyMask = (1U << kKeyBits) - 1;

  RegionTable(PagePool& pool, std::uint32_t pages);

  static std::uint32_t PagesFor(std::uint32_t entries);

  [[nodiscard]] bool IsArray() const { return page_count_ == kArrayPages; }
  [[nodiscard]] std::uint32_t places() const { return page_count_ * kPlaces; }
  [[nodiscard]] std::uint32_t Next(std::uint32_t at) const {
    return at + 1 == places() ? 0 : at + 1;
  }
  // Fibonacci hashing (Knuth, TAOCP 6.4), and its upper half scaled to the places.
  [[nodiscard]] std::uint32_t HomeOf(std::uint32_t key) const {
    const std::uint32_t hash = key * 0x9e3779b9U;
    return static_cast<std::uint32_t>((std::uint64_t{hash} * places()) >> 32U);
  }

  [[nodiscard]] Word& ArrayAt(std::uint32_t key) const {
    return (*pages_[key / kArrayPlaces])[key % kArrayPlaces];
  }
  [[nodiscard]] Word& StoreAt(std::uint32_t at) const {
    return (*pages_[at / kPlaces])[at % kPlaces];
  }
  [[nodiscard]] Word& KeysAt(std::uint32_t at) const {
    return (*pages_[at / kPlaces])[kPlaces + at % kPlaces / 2];
  }
  [[nodiscard]] std::uint32_t KeyAt(std::uint32_t at) const {
    return KeysAt(at).load(std::memory_order_relaxed) >> ShiftOf(at) & kKeyMask;
  }
  static std::uint32_t ShiftOf(std::uint32_t at) { return at % 2 * kKeyBits; }

  [[nodiscard]] std::span<Page*> pages() const { return {pages_.get(), page_count_}; }

  PagePool& pool_;
  std::unique_ptr<Page*[]> pages_;
  std::uint32_t page_count_;
  std::uint32_t used_ = 0;
};

}  // namespace veneer
