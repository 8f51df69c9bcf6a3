// Whether bytes are all zeros, as fast as memory can be read.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace veneer {

inline bool AreZeros(std::span<const std::byte> bytes) {
  // Sixteen zeros, and every byte like the one sixteen before it: memcmp does the work.
  constexpr std::size_t kHead = 16;
  const std::size_t head = bytes.size() < kHead ? bytes.size() : kHead;
  for (std::size_t i = 0; i < head; ++i) {
    if (bytes[i] != std::byte{0}) return false;
  }
  return bytes.size() <= kHead ||
         std::memcmp(bytes.data(), bytes.data() + kHead, bytes.size() - kHead) == 0;
}

}  // namespace veneer
