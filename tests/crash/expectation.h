// What a disk may hold after a cut of the power, or after an error: a model of a device with a
// write cache, by the sector.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <vector>

namespace veneer::crash {

inline constexpr std::size_t kSector = 512;
// A sector of the model disk holds its stamp in every word: which write it comes from.
using Stamp = std::uint64_t;

inline std::vector<std::byte> Stamped(std::size_t sectors, Stamp stamp) {
  std::vector<std::byte> bytes(sectors * kSector);
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(stamp)) {
    std::memcpy(&bytes[i], &stamp, sizeof(stamp));
  }
  return bytes;
}

// The stamp of a sector; a torn one is no stamp that was ever written.
inline Stamp StampOf(std::span<const std::byte> sector) {
  Stamp first = 0;
  std::memcpy(&first, sector.data(), sizeof(first));
  for (std::size_t i = 0; i < kSector; i += sizeof(Stamp)) {
    Stamp word = 0;
    std::memcpy(&word, &sector[i], sizeof(word));
    if (word != first) return ~Stamp{0};
  }
  return first;
}

// What the disk may hold after a cut.
class Expectation {
 public:
  // Of the disk's sectors, the first `image_sectors` are in the image; the rest are zeros.
  Expectation(std::size_t sectors, std::size_t image_sectors, std::size_t sectors_per_chunk)
      : allowed_(sectors), image_sectors_(image_sectors), per_chunk_(sectors_per_chunk) {
    for (std::size_t i = 0; i < sectors; ++i) allowed_[i] = {{.stamp = OriginStamp(i)}};
  }

  static Stamp ImageStamp(std::size_t sector) { return (Stamp{1} << 40U) + sector; }
  Stamp OriginStamp(std::size_t sector) const {
    return sector < image_sectors_ ? ImageStamp(sector) : Stamp{0};
  }

  // Called before the disk is told: from then on a cut may show it.
  void Wrote(std::size_t first, std::size_t count, Stamp stamp) {
    for (std::size_t i = first; i < first + count; ++i) {
      allowed_[i].push_back({.stamp = stamp});
      const std::size_t chunk = i / per_chunk_;
      // Zeroes where there are zeros behind map nothing.
      const bool maps_nothing = stamp == 0 && OriginStamp(i) == 0;
      if (mapped_.contains(chunk) || maps_nothing) continue;
      // Only the write that maps the chunk arrives with the mapping.
      auto& mapping = first_since_flush_[chunk];
      if (mapping.sectors.empty()) mapping.stamp = stamp;
      if (mapping.stamp == stamp) mapping.sectors.push_back(i);
    }
  }
  // Of the same disk, opened again: what was mapped durably still is, whatever it shows.
  void TakeMappedFrom(const Expectation& before) { mapped_ = before.mapped_; }
  // The last write to these sectors has failed: it may show or not, after a flush too.
  void Failed(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i)
      allowed_[i].back().outcome = Outcome::kFailed;
  }
  void Flushed() {
    for (auto& versions : allowed_) {
      const auto last =
          std::ranges::find(versions.rbegin(), versions.rend(), Outcome::kDone, &Version::outcome);
      versions.erase(versions.begin(), last.base() - 1);
    }
    for (const auto& [chunk, mapping] : first_since_flush_) mapped_.insert(chunk);
    first_since_flush_.clear();
  }

  // Each sector holds what was flushed last, or what was written later.
  void VerifySectors(std::span<const std::byte> disk) const {
    for (std::size_t i = 0; i < allowed_.size(); ++i) {
      const Stamp stamp = StampOf(disk.subspan(i * kSector, kSector));
      ASSERT_NE(std::ranges::find(allowed_[i], stamp, &Version::stamp), allowed_[i].end())
          << "sector " << i << " holds " << stamp << ", flushed was " << allowed_[i].front().stamp;
    }
  }

  // The same, and no chunk is half old and half new. Every write has succeeded.
  void Verify(std::span<const std::byte> disk) const {
    VerifySectors(disk);
    if (::testing::Test::HasFatalFailure()) return;
    for (const auto& [chunk, mapping] : first_since_flush_) {
      std::size_t old = 0;
      std::size_t fresh = 0;
      for (const std::size_t i : mapping.sectors) {
        const Stamp before = allowed_[i].front().stamp;
        // Zeroes that came later, in place, look as a sector without the mapping would.
        if (std::ranges::count(allowed_[i], before, &Version::stamp) > 1) continue;
        ++(StampOf(disk.subspan(i * kSector, kSector)) == before ? old : fresh);
      }
      ASSERT_TRUE(old == 0 || fresh == 0) << "chunk " << chunk << " is torn";
    }
  }

 private:
  enum class Outcome : std::uint8_t { kDone, kFailed };
  struct Version {
    Stamp stamp = 0;
    Outcome outcome = Outcome::kDone;
  };
  struct Mapping {
    Stamp stamp = 0;
    std::vector<std::size_t> sectors;
  };

  std::vector<std::vector<Version>> allowed_;  // by sector: what was flushed, then later ones
  std::map<std::size_t, Mapping> first_since_flush_;  // by chunk
  std::set<std::size_t> mapped_;
  std::size_t image_sectors_;
  std::size_t per_chunk_;
};

}  // namespace veneer::crash
