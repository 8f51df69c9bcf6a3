// Pulls the plug at every write and sync of a long scenario. After each cut the store passes the
// check, holds all that was flushed, and every chunk written since is old or new.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "crash/expectation.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using crash::Expectation;
using crash::kSector;
using crash::Stamp;
using crash::Stamped;
using crash::StampOf;
using testing::FakeFile;

struct CutCase {
  std::uint64_t seed = 1;
  // Of the disk's 700, in the image.
  std::size_t image_chunks = 700;
};

void PrintTo(const CutCase& cut, std::ostream* out) {
  *out << "seed " << cut.seed << ", " << cut.image_chunks << " chunks in the image";
}

class PowerCutTest : public ::testing::TestWithParam<CutCase> {
 protected:
  // More chunks than one area has entries, so that areas fill up; the last one is partial.
  static constexpr std::size_t kChunks = 700;

  void SetUp() override {
    if (const char* seed = std::getenv("VENEER_SEED"))
      random_.seed(std::strtoull(seed, nullptr, 0));
    chunk_size_ = ChunkSize::FromBytes(KiB(4)).value();
    const Geometry geometry(chunk_size_);
    sectors_ = kChunks * PerChunk() - 3;
    image_sectors_ = std::min(sectors_, GetParam().image_chunks * PerChunk());
    std::vector<std::byte> image;
    for (std::size_t i = 0; i < image_sectors_; ++i) {
      const auto sector = Stamped(1, Expectation::ImageStamp(i));
      image.insert(image.end(), sector.begin(), sector.end());
    }
    origin_ = std::make_unique<FakeFile>(image);
    store_ = std::make_unique<FakeFile>(
        geometry.StoreBytesFor(geometry.ChunksFor(Bytes(sectors_ * kSector))).value());
    // What another life of the blocks has left: none of it may ever count.
    Litter(geometry);
    if (image_sectors_ < sectors_) Activate(geometry);
    expectation_ = std::make_unique<Expectation>(sectors_, image_sectors_, PerChunk());
  }

  std::size_t PerChunk() const { return chunk_size_.bytes().value() / kSector; }

  // Everything but the header, which says that the store was never activated.
  void Litter(const Geometry& geometry) {
    const auto file = store_->Open();
    const auto junk = Stamped(PerChunk(), 2);
    for (AreaIndex area = 0; area < 4; ++area) {
      const ByteOffset at = geometry.OffsetOf(geometry.AreaChunk(area));
      if (at.value() + junk.size() <= file->Size().value().value()) {
        ASSERT_TRUE(file->WriteAt(at, junk));
      }
    }
    ASSERT_TRUE(file->Sync());
  }

  // As create does it for a disk that is larger than its image.
  void Activate(const Geometry& geometry) {
    const auto file = store_->Open();
    ASSERT_TRUE(file->PunchHole(geometry.OffsetOf(geometry.AreaChunk(0)), KiB(4)));
    const RecordedSizes sizes{.origin_size = Bytes(image_sectors_ * kSector),
                              .disk_size = Bytes(sectors_ * kSector)};
    std::array<std::byte, kHeaderBytes> header{};
    EncodeHeader({Activation::kValid, chunk_size_, sizes}, header);
    ASSERT_TRUE(file->WriteAt(ByteOffset(0), header));
    ASSERT_TRUE(file->Sync());
  }

  void OpenDisk() {
    disk_ = CowDisk::Open(origin_->Open(), store_->Open(), DiskAccess::kReadWrite).value();
  }

  // One life of the store after a cut at this moment.
  void Cut(const FakeFile::Chooser& choose) {
    ++cuts_;
    const auto after = store_->AfterCut(choose);
    std::string fault;
    const auto report = CheckStore(*after->Open(), Bytes(image_sectors_ * kSector),
                                   [&](const Fault& f) { fault = f.message; });
    ASSERT_TRUE(report);
    ASSERT_EQ(report->faults, 0U) << fault;
    const auto disk = CowDisk::Open(origin_->Open(), after->Open(), DiskAccess::kReadWrite);
    ASSERT_TRUE(disk) << disk.error().what;
    VerifyDisk(**disk);
    // What is written after the cut must not be joined by what the cut has left behind.
    if (cuts_ % 4 == 0) GoOnAfterCut(**disk, *after);
  }

  void VerifyDisk(CowDisk& disk) {
    std::vector<std::byte> contents(sectors_ * kSector);
    ASSERT_TRUE(disk.Read(ByteOffset(0), contents));
    expectation_->Verify(contents);
  }

  // Lengthens the list a little, right over what a torn commit may have left behind its end.
  void GoOnAfterCut(CowDisk& disk, FakeFile& store) {
    std::vector<std::byte> before(sectors_ * kSector);
    ASSERT_TRUE(disk.Read(ByteOffset(0), before));
    const auto stamp = Stamped(1, 7);
    for (std::size_t writes = 1 + random_() % 64; writes > 0; --writes) {
      const std::size_t at = random_() % kChunks * PerChunk() * kSector;
      ASSERT_TRUE(disk.Write(ByteOffset(at), stamp));
      std::ranges::copy(stamp, before.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_TRUE(disk.Flush());
    const auto again = CowDisk::Open(origin_->Open(), store.Open(), DiskAccess::kReadOnly);
    ASSERT_TRUE(again) << again.error().what;
    std::vector<std::byte> contents(sectors_ * kSector);
    ASSERT_TRUE((*again)->Read(ByteOffset(0), contents));
    ASSERT_EQ(contents, before);
  }

  void CutInEveryWay() {
    if (::testing::Test::HasFatalFailure()) return;
    Cut([](std::uint64_t, std::size_t) { return std::size_t{0}; });
    Cut([](std::uint64_t, std::size_t versions) { return versions - 1; });
    for (int i = 0; i < 2; ++i) {
      Cut([&](std::uint64_t, std::size_t versions) { return random_() % versions; });
    }
  }

  void RandomStep(Stamp stamp) {
    const std::size_t first = random_() % sectors_;
    const std::size_t most = random_() % 8 == 0 ? 40 * PerChunk() : 2 * PerChunk();
    const std::size_t count = std::min(1 + random_() % most, sectors_ - first);
    const ByteOffset at(first * kSector);
    switch (random_() % 10) {
      case 0:
        ASSERT_TRUE(disk_->Flush());
        expectation_->Flushed();
        break;
      case 1:
        expectation_->Wrote(first, count, 0);
        ASSERT_TRUE(disk_->WriteZeroes(at, Bytes(count * kSector)));
        break;
      case 2: {
        OpenDisk();  // a crash of the process alone: what is in the file stays, the rest is gone
        std::vector<std::byte> contents(sectors_ * kSector);
        ASSERT_TRUE(disk_->Read(ByteOffset(0), contents));
        expectation_->Verify(contents);
        AdoptAfterRestart(contents);
        break;
      }
      default:
        expectation_->Wrote(first, count, stamp);
        ASSERT_TRUE(disk_->Write(at, Stamped(count, stamp)));
    }
  }

  // After a restart of the process: what is seen is what was and is again unflushed.
  void AdoptAfterRestart(std::span<const std::byte> contents) {
    ASSERT_TRUE(disk_->Flush());
    auto fresh = std::make_unique<Expectation>(sectors_, image_sectors_, PerChunk());
    fresh->Flushed();
    fresh->TakeMappedFrom(*expectation_);
    for (std::size_t i = 0; i < sectors_; ++i) {
      const Stamp stamp = StampOf(contents.subspan(i * kSector, kSector));
      if (stamp != fresh->OriginStamp(i)) fresh->Wrote(i, 1, stamp);
    }
    fresh->Flushed();
    expectation_ = std::move(fresh);
  }

  std::mt19937_64 random_{GetParam().seed};
  ChunkSize chunk_size_;
  std::size_t sectors_ = 0;  // of the disk
  std::size_t image_sectors_ = 0;
  std::unique_ptr<FakeFile> origin_;
  std::unique_ptr<FakeFile> store_;
  std::unique_ptr<Expectation> expectation_;
  std::unique_ptr<CowDisk> disk_;
  std::uint64_t cuts_ = 0;
};

TEST_P(PowerCutTest, LosesNothingThatWasFlushed) {
  store_->OnMoment([&] { CutInEveryWay(); });
  OpenDisk();
  const Stamp steps = std::getenv("VENEER_STORM") != nullptr ? 2000 : 250;
  for (Stamp stamp = 100; stamp < 100 + steps; ++stamp) {
    RandomStep(stamp);
    if (HasFatalFailure()) return;
  }
  store_->OnMoment({});
  EXPECT_GT(cuts_, 2000U);
  RecordProperty("cuts", std::to_string(cuts_));
}

std::string NameOfCase(const ::testing::TestParamInfo<CutCase>& instance) {
  return std::to_string(instance.param.seed);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PowerCutTest,
                         ::testing::Values(CutCase{1}, CutCase{2}, CutCase{3}, CutCase{4}),
                         NameOfCase);
INSTANTIATE_TEST_SUITE_P(SmallerImageSeeds, PowerCutTest,
                         ::testing::Values(CutCase{.seed = 5, .image_chunks = 300}), NameOfCase);

}  // namespace
}  // namespace veneer
