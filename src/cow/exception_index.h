// ExceptionIndex: from origin chunk to store chunk, for the engine.
//
// May be used by many threads at once. Memory follows what changed, whatever the size of the disk:
// chunks are kept in buckets of eight neighbours, in open-addressing tables, about 16 bytes a chunk
// where neighbours change and 130 where changes lie alone. Entries are never taken out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "base/units.h"

namespace veneer {

// Neighbouring origin chunks that are all unchanged, or that lie side by side in the store.
struct MappedRun {
  std::optional<StoreChunk> store;  // of the first chunk; nullopt: unchanged
  Chunks count;
};

class ExceptionIndex {
 public:
  // The longest run from `first` on, of at most `most` chunks (at least one).
  [[nodiscard]] MappedRun Find(OriginChunk first, Chunks most) const;

  // Maps `count` chunks that are unchanged so far to store chunks that lie side by side.
  void Insert(OriginChunk first, StoreChunk store, Chunks count);

 private:
  static constexpr std::uint64_t kBucketChunks = 8;
  static constexpr std::uint64_t kShardChunks = 64;  // neighbours under one lock
  static constexpr std::size_t kShards = 64;

  struct Bucket {
    std::uint64_t number = kUnused;                    // origin chunk / kBucketChunks
    std::array<std::uint64_t, kBucketChunks> store{};  // 0: unchanged; chunk 0 is the header
  };
  static constexpr std::uint64_t kUnused = ~std::uint64_t{0};

  struct alignas(64) Shard {
    mutable std::shared_mutex mutex;
    std::vector<Bucket> table;  // empty, or a power of two
    std::size_t used = 0;

    [[nodiscard]] const Bucket* Find(std::uint64_t number) const;
    Bucket& FindOrAdd(std::uint64_t number);
    void Grow();
  };

  static std::size_t ShardOf(std::uint64_t chunk);
  // Lengthens `run` within one shard; false where it ends.
  bool Extend(MappedRun& run, OriginChunk first, Chunks most) const;

  std::array<Shard, kShards> shards_;
};

}  // namespace veneer
