// ChunkSet: which chunk numbers were seen, in little memory however they are spread.
//
// Numbers are grouped by their upper 48 bits; a group is a sorted list while it is sparse and a
// bitmap of 8 KiB once that is smaller. A dense set costs one bit a chunk (32 MiB for 1 TiB of
// 4 KiB chunks), a scattered one about 60 bytes. (The idea is that of Roaring bitmaps, Chambi,
// Lemire et al. 2016.) Not for use by several threads at once.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace veneer {

class ChunkSet {
 public:
  // False where it was in the set already.
  bool Insert(std::uint64_t chunk);

 private:
  struct Group {
    std::vector<std::uint16_t> sparse;  // sorted
    std::vector<std::uint64_t> dense;   // a bitmap, once it is in use
  };

  std::unordered_map<std::uint64_t, Group> groups_;
};

}  // namespace veneer
