// Little-endian loads and stores on byte buffers of any alignment.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace veneer {

// Precondition: `bytes` holds at least sizeof(T) bytes from `at` on.
template <std::unsigned_integral T>
constexpr T LoadLittleEndian(std::span<const std::byte> bytes, std::size_t at) {
  assert(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(bytes[at + i]) << (8 * i)));
  }
  return value;
}

template <std::unsigned_integral T>
constexpr void StoreLittleEndian(std::span<std::byte> bytes, std::size_t at, T value) {
  assert(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
  }
}

}  // namespace veneer
