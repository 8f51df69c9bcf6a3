#include "cow/chunk_set.h"

#include <algorithm>

namespace veneer {
namespace {

constexpr std::size_t kGroupBits = 16;
constexpr std::size_t kWordsOfABitmap = (std::size_t{1} << kGroupBits) / 64;
// Beyond this a bitmap (8 KiB) is smaller than the list.
constexpr std::size_t kMostSparse = kWordsOfABitmap * sizeof(std::uint64_t) / 2;

bool SetBit(std::vector<std::uint64_t>& bitmap, std::uint16_t at) {
  std::uint64_t& word = bitmap[at / 64];
  const std::uint64_t bit = std::uint64_t{1} << (at % 64U);
  const bool is_new = (word & bit) == 0;
  word |= bit;
  return is_new;
}

}  // namespace

bool ChunkSet::Insert(std::uint64_t chunk) {
  Group& group = groups_[chunk >> kGroupBits];
  const auto low = static_cast<std::uint16_t>(chunk);
  if (!group.dense.empty()) return SetBit(group.dense, low);

  // Chunks mostly come in ascending order: then this appends.
  const auto place = group.sparse.empty() || group.sparse.back() < low
                         ? group.sparse.end()
                         : std::ranges::lower_bound(group.sparse, low);
  if (place != group.sparse.end() && *place == low) return false;
  group.sparse.insert(place, low);
  if (group.sparse.size() > kMostSparse) {
    group.dense.resize(kWordsOfABitmap);
    for (const std::uint16_t member : group.sparse) SetBit(group.dense, member);
    group.sparse = {};
  }
  return true;
}

}  // namespace veneer
