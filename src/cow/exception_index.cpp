#include "cow/exception_index.h"

#include <algorithm>
#include <mutex>

namespace veneer {
namespace {

constexpr std::size_t kFirstTable = 8;

// Fibonacci hashing (Knuth, TAOCP 6.4): spreads neighbours over the table.
std::uint64_t Hash(std::uint64_t key) {
  key *= 0x9e3779b97f4a7c15U;
  return key ^ (key >> 32U);
}

}  // namespace

const ExceptionIndex::Bucket* ExceptionIndex::Shard::Find(std::uint64_t number) const {
  if (table.empty()) return nullptr;
  const std::size_t mask = table.size() - 1;
  for (std::size_t at = Hash(number) & mask;; at = (at + 1) & mask) {
    const Bucket& bucket = table[at];
    if (bucket.number == number) return &bucket;
    if (bucket.number == kUnused) return nullptr;
  }
}

ExceptionIndex::Bucket& ExceptionIndex::Shard::FindOrAdd(std::uint64_t number) {
  if (4 * (used + 1) > 3 * table.size()) Grow();
  const std::size_t mask = table.size() - 1;
  std::size_t at = Hash(number) & mask;
  while (table[at].number != number && table[at].number != kUnused) at = (at + 1) & mask;
  if (table[at].number == kUnused) {
    table[at].number = number;
    ++used;
  }
  return table[at];
}

void ExceptionIndex::Shard::Grow() {
  std::vector<Bucket> larger(std::max(kFirstTable, table.size() * 2));
  const std::size_t mask = larger.size() - 1;
  for (const Bucket& bucket : table) {
    if (bucket.number == kUnused) continue;
    std::size_t at = Hash(bucket.number) & mask;
    while (larger[at].number != kUnused) at = (at + 1) & mask;
    larger[at] = bucket;
  }
  table = std::move(larger);
}

std::size_t ExceptionIndex::ShardOf(std::uint64_t chunk) {
  // The upper half of the hash: the tables use the lower one.
  return (Hash(chunk / kShardChunks) >> 40U) % kShards;
}

bool ExceptionIndex::Extend(MappedRun& run, OriginChunk first, Chunks most) const {
  std::uint64_t chunk = (first + run.count).value();
  const std::uint64_t end =
      std::min((first + most).value(), (chunk / kShardChunks + 1) * kShardChunks);
  const Shard& shard = shards_[ShardOf(chunk)];
  const std::shared_lock lock(shard.mutex);
  while (chunk < end) {
    const Bucket* bucket = shard.Find(chunk / kBucketChunks);
    const std::uint64_t bucket_end = std::min(end, (chunk / kBucketChunks + 1) * kBucketChunks);
    if (bucket == nullptr && run.store) return false;
    if (bucket == nullptr) {
      run.count += Chunks(bucket_end - chunk);
      chunk = bucket_end;
      continue;
    }
    for (; chunk < bucket_end; ++chunk) {
      const std::uint64_t expected = run.store ? (*run.store + run.count).value() : 0;
      if (bucket->store[chunk % kBucketChunks] != expected) return false;
      run.count += Chunks(1);
    }
  }
  return true;
}

MappedRun ExceptionIndex::Find(OriginChunk first, Chunks most) const {
  MappedRun run;
  {
    const Shard& shard = shards_[ShardOf(first.value())];
    const std::shared_lock lock(shard.mutex);
    const Bucket* bucket = shard.Find(first.value() / kBucketChunks);
    const std::uint64_t store =
        bucket == nullptr ? 0 : bucket->store[first.value() % kBucketChunks];
    if (store != 0) run.store = StoreChunk(store);
  }
  run.count = Chunks(1);
  while (run.count < most && Extend(run, first, most)) {
  }
  return run;
}

void ExceptionIndex::Insert(OriginChunk first, StoreChunk store, Chunks count) {
  for (std::uint64_t done = 0; done < count.value();) {
    const std::uint64_t chunk = first.value() + done;
    const std::uint64_t end =
        std::min(first.value() + count.value(), (chunk / kShardChunks + 1) * kShardChunks);
    Shard& shard = shards_[ShardOf(chunk)];
    const std::unique_lock lock(shard.mutex);
    for (std::uint64_t at = chunk; at < end; ++at, ++done) {
      shard.FindOrAdd(at / kBucketChunks).store[at % kBucketChunks] = store.value() + done;
    }
  }
}

}  // namespace veneer
