#include "format/geometry.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

Geometry Of(Bytes chunk) { return Geometry(ChunkSize::FromBytes(chunk).value()); }

TEST(ChunkSizeTest, IsAPowerOfTwoFrom4KTo1M) {
  for (std::uint64_t k = 4; k <= 1024; k *= 2) {
    EXPECT_EQ(ChunkSize::FromBytes(KiB(k)).value().bytes(), KiB(k));
  }
  for (const Bytes bad : {Bytes(0), Bytes(512), KiB(2), KiB(5), KiB(4) + Bytes(1), MiB(2)}) {
    EXPECT_EQ(ChunkSize::FromBytes(bad).error().kind, ErrorKind::kUsage) << bad.value();
  }
}

TEST(GeometryTest, MetadataLiesWhereTheKernelPutsIt) {
  const Geometry g = Of(KiB(4));
  EXPECT_EQ(g.exceptions_per_area(), 256U);
  EXPECT_EQ(g.AreaChunk(0), StoreChunk(1));
  EXPECT_EQ(g.AreaChunk(1), StoreChunk(258));
  EXPECT_TRUE(g.IsMetadata(StoreChunk(0)));
  EXPECT_TRUE(g.IsMetadata(StoreChunk(1)));
  EXPECT_FALSE(g.IsMetadata(StoreChunk(2)));
  EXPECT_FALSE(g.IsMetadata(StoreChunk(257)));
  EXPECT_TRUE(g.IsMetadata(StoreChunk(258)));
  EXPECT_EQ(g.DataChunkFrom(StoreChunk(0)), StoreChunk(2));
  EXPECT_EQ(g.DataChunkFrom(StoreChunk(258)), StoreChunk(259));
  EXPECT_EQ(g.DataRunFrom(StoreChunk(2)), Chunks(256));
  EXPECT_EQ(g.DataRunFrom(StoreChunk(257)), Chunks(1));
  EXPECT_EQ(g.DataRunFrom(StoreChunk(259)), Chunks(256));
}

TEST(GeometryTest, AFullRewriteOf5GiBFitsInTheMeasuredSize) {
  const Geometry g = Of(KiB(4));
  EXPECT_EQ(g.StoreBytesFor(g.ChunksFor(GiB(5))).value(), Bytes(5389688832));
}

TEST(GeometryTest, TheStoreForNChangesHoldsExactlyNChanges) {
  const Geometry g = Of(KiB(4));
  for (std::uint64_t n = 0; n < 3000; ++n) {
    const Chunks store = g.StoreChunksFor(Chunks(n));
    EXPECT_EQ(g.MaxExceptions(store), n);
    EXPECT_NE(store.value() % 257, 1U);
  }
}

TEST(GeometryTest, DataChunksAreCountedWithoutMetadata) {
  const Geometry g(*ChunkSize::FromBytes(KiB(8)));
  std::uint64_t data = 0;
  for (std::uint64_t chunk = 0; chunk < 5000; ++chunk) {
    ASSERT_EQ(g.DataChunksBefore(StoreChunk(chunk)), Chunks(data)) << chunk;
    if (!g.IsMetadata(StoreChunk(chunk))) ++data;
  }
}

TEST(GeometryTest, TheTrapSizeNeverLetsItsLastAreaFill) {
  const Geometry g = Of(KiB(4));
  EXPECT_EQ(g.MaxExceptions(Chunks(1 + 257)), 255U);
  EXPECT_EQ(g.MaxExceptions(Chunks(2 + 257)), 256U);
  EXPECT_EQ(g.MaxExceptions(Chunks(1 + 2 * 257)), 511U);
  EXPECT_EQ(g.MaxExceptions(Chunks(0)), 0U);
  EXPECT_EQ(g.MaxExceptions(Chunks(1)), 0U);
  EXPECT_EQ(g.MaxExceptions(Chunks(2)), 0U);
  EXPECT_EQ(g.MaxExceptions(Chunks(3)), 1U);
}

TEST(GeometryTest, TheLastChunkOfADiskMayBePartial) {
  const Geometry g = Of(MiB(1));
  EXPECT_EQ(g.ChunksFor(MiB(64)), Chunks(64));
  EXPECT_EQ(g.ChunksFor(MiB(64) + Bytes(1)), Chunks(65));
  EXPECT_EQ(g.WholeChunks(MiB(64) + Bytes(1)), Chunks(64));
}

TEST(GeometryTest, AStoreBeyondTheLargestFileIsRefused) {
  EXPECT_EQ(Of(KiB(4)).StoreBytesFor(Chunks(std::uint64_t{1} << 52U)).error().kind,
            ErrorKind::kUsage);
  EXPECT_EQ(Of(MiB(1)).StoreBytesFor(Chunks(~std::uint64_t{0})).error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
