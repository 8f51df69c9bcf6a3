// The host's file system fails at every call in turn, once, with EIO and with ENOSPC: the guest is
// told, nothing that was flushed is lost, and the store is sound.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <ostream>
#include <random>
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
using testing::FakeFile;
using Verb = FakeFile::Verb;

struct FailureCase {
  std::string name;
  Verb verb;
  int os_errno;
};

void PrintTo(const FailureCase& failure, std::ostream* out) { *out << failure.name; }

// One life of a disk with one failure in it.
class FailingLife {
 public:
  // More than the first area holds, so that others are prepared and committed too.
  static constexpr std::size_t kChunks = 400;
  static constexpr std::size_t kPerChunk = 8;
  static constexpr std::size_t kSectors = kChunks * kPerChunk;

  FailingLife() : expectation_(kSectors, kSectors, kPerChunk) {
    const ChunkSize chunk_size;
    const Geometry geometry(chunk_size);
    std::vector<std::byte> image;
    for (std::size_t i = 0; i < kSectors; ++i) {
      const auto sector = Stamped(1, Expectation::ImageStamp(i));
      image.insert(image.end(), sector.begin(), sector.end());
    }
    origin_ = std::make_unique<FakeFile>(image);
    store_ = std::make_unique<FakeFile>(geometry.StoreBytesFor(Chunks(kChunks)).value());
    disk_ = CowDisk::Open(origin_->Open(), store_->Open(), DiskAccess::kReadWrite).value();
  }

  // Whether the call was reached that fails, and the disk's user was told.
  bool Run(const FailureCase& failure, unsigned skip) {
    store_->FailNext(failure.verb, failure.os_errno, skip);
    for (Stamp stamp = 100; stamp < 140; ++stamp) Step(stamp);
    // After the last, whatever has failed.
    if (disk_->Flush()) expectation_.Flushed();
    store_->FailNext(failure.verb, 0, ~0U);  // no more
    return told_;
  }

  void ExpectSoundAndNothingLost() {
    disk_.reset();
    const auto report = CheckStore(*store_->Open(), Bytes(kSectors * kSector),
                                   [](const Fault& fault) { ADD_FAILURE() << fault.message; });
    ASSERT_TRUE(report);
    const auto disk = CowDisk::Open(origin_->Open(), store_->Open(), DiskAccess::kReadWrite);
    ASSERT_TRUE(disk) << disk.error().what;
    std::vector<std::byte> contents(kSectors * kSector);
    ASSERT_TRUE((*disk)->Read(ByteOffset(0), contents));
    expectation_.VerifySectors(contents);
    ASSERT_TRUE((*disk)->Write(ByteOffset(0), Stamped(1, 7)));
    ASSERT_TRUE((*disk)->Flush());
  }

 private:
  void Step(Stamp stamp) {
    const std::size_t first = random_() % kSectors;
    const std::size_t count = std::min(1 + random_() % (30 * kPerChunk), kSectors - first);
    const ByteOffset at(first * kSector);
    switch (random_() % 6) {
      case 0: {
        const Result<void> flushed = disk_->Flush();
        if (flushed) expectation_.Flushed();
        Note(flushed);
        break;
      }
      case 1:
        expectation_.Wrote(first, count, 0);
        NoteWrite(first, count, disk_->WriteZeroes(at, Bytes(count * kSector)));
        break;
      default:
        expectation_.Wrote(first, count, stamp);
        NoteWrite(first, count, disk_->Write(at, Stamped(count, stamp)));
    }
  }
  void Note(const Result<void>& result) { told_ = told_ || !result; }
  void NoteWrite(std::size_t first, std::size_t count, const Result<void>& result) {
    if (!result) expectation_.Failed(first, count);
    Note(result);
  }

  std::mt19937_64 random_{11};
  Expectation expectation_;
  std::unique_ptr<FakeFile> origin_;
  std::unique_ptr<FakeFile> store_;
  std::unique_ptr<CowDisk> disk_;
  bool told_ = false;
};

class FailingHostTest : public ::testing::TestWithParam<FailureCase> {};

TEST_P(FailingHostTest, TheGuestIsToldAndNothingIsLost) {
  unsigned failures = 0;
  for (unsigned skip = 0; !HasFailure(); ++skip) {
    SCOPED_TRACE("call " + std::to_string(skip));
    FailingLife life;
    const bool told = life.Run(GetParam(), skip);
    life.ExpectSoundAndNothingLost();
    if (!told) break;
    ++failures;
  }
  EXPECT_GT(failures, 0U);
}

INSTANTIATE_TEST_SUITE_P(Calls, FailingHostTest,
                         ::testing::Values(FailureCase{"WriteEio", Verb::kWrite, EIO},
                                           FailureCase{"WriteEnospc", Verb::kWrite, ENOSPC},
                                           FailureCase{"SyncEio", Verb::kSync, EIO},
                                           FailureCase{"SyncEnospc", Verb::kSync, ENOSPC},
                                           FailureCase{"AllocateEio", Verb::kAllocate, EIO},
                                           FailureCase{"AllocateEnospc", Verb::kAllocate, ENOSPC},
                                           FailureCase{"PunchEio", Verb::kPunchHole, EIO}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace veneer
