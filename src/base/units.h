// Units as types: what is counted in bytes, in sectors or in chunks cannot be mixed up,
// and a position cannot be passed where a length is meant.
//
//   Bytes, Sectors, Chunks             lengths; they add up
//   ByteOffset                         a position in a file or on a disk
//   OriginChunk, StoreChunk            a position, counted in chunks, in the origin (the disk as
//                                      the guest sees it) or in the store
#pragma once

#include <compare>
#include <cstdint>

namespace veneer {

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, std::uint64_t n) {
    return Quantity(a.value_ * n);
  }
  friend constexpr std::uint64_t operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
  friend constexpr Quantity operator%(Quantity a, Quantity b) {
    return Quantity(a.value_ % b.value_);
  }

 private:
  std::uint64_t value_ = 0;
};

template <class Tag, class Length>
class Position {
 public:
  constexpr Position() = default;
  constexpr explicit Position(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  constexpr auto operator<=>(const Position&) const = default;
  constexpr Position& operator+=(Length length) {
    value_ += length.value();
    return *this;
  }
  friend constexpr Position operator+(Position p, Length length) { return p += length; }
  friend constexpr Position operator-(Position p, Length length) {
    return Position(p.value_ - length.value());
  }
  friend constexpr Length operator-(Position a, Position b) { return Length(a.value_ - b.value_); }

 private:
  std::uint64_t value_ = 0;
};

using Bytes = Quantity<struct BytesTag>;
using Sectors = Quantity<struct SectorsTag>;
using Chunks = Quantity<struct ChunksTag>;

using ByteOffset = Position<struct ByteOffsetTag, Bytes>;
using OriginChunk = Position<struct OriginChunkTag, Chunks>;
using StoreChunk = Position<struct StoreChunkTag, Chunks>;

// The kernel's sector, whatever the device's own block size is.
inline constexpr Bytes kSectorSize{512};

constexpr Bytes ToBytes(Sectors sectors) { return kSectorSize * sectors.value(); }

constexpr Bytes KiB(std::uint64_t n) { return Bytes(n << 10U); }
constexpr Bytes MiB(std::uint64_t n) { return Bytes(n << 20U); }
constexpr Bytes GiB(std::uint64_t n) { return Bytes(n << 30U); }

}  // namespace veneer
