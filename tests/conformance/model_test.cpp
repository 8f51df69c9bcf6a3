// The disk against a plain array: random operations must be told apart by nothing but speed.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using testing::FakeFile;
using Contents = std::vector<std::byte>;

std::size_t StormFactor() { return std::getenv("VENEER_STORM") != nullptr ? 10 : 1; }

enum class Verb : std::uint8_t { kRead, kWrite, kWriteZeroes, kDiscard, kFlush, kReopen };

struct Step {
  Verb verb = Verb::kRead;
  std::uint64_t at = 0;
  std::uint64_t length = 0;
  unsigned char fill = 0;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  static constexpr std::array kNames = {"read", "write", "zero", "discard", "flush", "reopen"};
  return out << kNames.at(static_cast<std::size_t>(step.verb)) << " " << step.length << " at "
             << step.at << " with " << int{step.fill};
}

// How much of the disk its image has.
enum class Image : std::uint8_t { kAll, kPart, kOneByte };

// A disk of nine chunks and a bit, over an origin with data and holes, and the array it should be.
class Bench {
 public:
  Bench(ChunkSize chunk_size, Image image) : chunk_(chunk_size.bytes().value()) {
    const std::size_t size = 9 * chunk_ + chunk_ / 2 + 13;
    origin_size_ = Bytes(ImageSize(image, size));
    origin_ = std::make_unique<FakeFile>(origin_size_);
    model_.resize(size);
    const auto origin = origin_->Open();
    for (std::size_t at = 0; at < origin_size_.value(); at += 2 * chunk_) {
      const std::size_t length = std::min(chunk_ + chunk_ / 2, origin_size_.value() - at);
      Fill(at, length, std::byte{0x5a});
      RC_ASSERT(origin->WriteAt(ByteOffset(at), Part(at, length)).has_value());
    }
    const Geometry geometry(chunk_size);
    store_ =
        std::make_unique<FakeFile>(geometry.StoreBytesFor(geometry.ChunksFor(Bytes(size))).value());
    std::array<std::byte, kHeaderBytes> header{};
    const RecordedSizes sizes{.origin_size = origin_size_, .disk_size = Bytes(size)};
    EncodeHeader({Activation::kValid, chunk_size, sizes}, header);
    RC_ASSERT(store_->Open()->WriteAt(ByteOffset(0), header).has_value());
    Reopen();
  }

  [[nodiscard]] std::uint64_t size() const { return model_.size(); }
  [[nodiscard]] std::uint64_t chunk() const { return chunk_; }

  void Do(const Step& step) {
    const ByteOffset at(step.at);
    const Bytes length(step.length);
    switch (step.verb) {
      case Verb::kRead:
        RC_ASSERT(Shown(step.at, step.length) ==
                  Contents(Part(step.at, step.length).begin(), Part(step.at, step.length).end()));
        break;
      case Verb::kWrite:
        Fill(step.at, step.length, std::byte{step.fill});
        RC_ASSERT(disk_->Write(at, Part(step.at, step.length)).has_value());
        break;
      case Verb::kWriteZeroes:
        Fill(step.at, step.length, std::byte{0});
        RC_ASSERT(disk_->WriteZeroes(at, length).has_value());
        break;
      case Verb::kDiscard:
        Discard(step.at, step.length);
        break;
      case Verb::kFlush:
        RC_ASSERT(disk_->Flush().has_value());
        break;
      case Verb::kReopen:
        RC_ASSERT(disk_->Flush().has_value());
        Reopen();
        break;
    }
  }

  void RequireAll() {
    RC_ASSERT(Shown(0, size()) == model_);
    RC_ASSERT(disk_->Flush().has_value());
    const auto report = CheckStore(*store_->Open(), origin_size_, [](const Fault& fault) {
      RC_FAIL("the store has a fault: " + fault.message);
    });
    RC_ASSERT(report.has_value());
    Reopen();
    RC_ASSERT(Shown(0, size()) == model_);
    RequireDataMap();
  }

 private:
  // In the middle of a chunk with data, one byte behind a sector.
  std::size_t ImageSize(Image image, std::size_t disk) const {
    if (image == Image::kOneByte) return 1;
    return image == Image::kAll ? disk : 4 * chunk_ + chunk_ / 4 + 513;
  }

  std::span<const std::byte> Part(std::uint64_t at, std::uint64_t length) const {
    return std::span(model_).subspan(at, length);
  }
  void Fill(std::uint64_t at, std::uint64_t length, std::byte value) {
    std::ranges::fill(std::span(model_).subspan(at, length), value);
  }
  Contents Shown(std::uint64_t at, std::uint64_t length) {
    Contents shown(length);
    RC_ASSERT(disk_->Read(ByteOffset(at), shown).has_value());
    return shown;
  }
  void Reopen() {
    disk_.reset();
    auto opened = CowDisk::Open(origin_->Open(), store_->Open(), DiskAccess::kReadWrite);
    RC_ASSERT(opened.has_value());
    disk_ = std::move(*opened);
  }

  // Whole chunks become zeros or stay as they are; nothing else changes.
  void Discard(std::uint64_t at, std::uint64_t length) {
    RC_ASSERT(disk_->Discard(ByteOffset(at), Bytes(length)).has_value());
    const std::uint64_t end = at + length;
    for (std::uint64_t chunk = (at + chunk_ - 1) / chunk_ * chunk_; chunk < end; chunk += chunk_) {
      const std::uint64_t in_chunk = std::min(chunk_, size() - chunk);
      if (chunk + in_chunk > end) break;
      const Contents shown = Shown(chunk, in_chunk);
      if (std::ranges::all_of(shown, [](std::byte b) { return b == std::byte{0}; })) {
        Fill(chunk, in_chunk, std::byte{0});
      }
    }
    RC_ASSERT(Shown(0, size()) == model_);
  }

  // Everything that NextData leaves out is zeros.
  void RequireDataMap() {
    std::uint64_t seen = 0;
    while (seen < size()) {
      const auto data = disk_->NextData(ByteOffset(seen));
      RC_ASSERT(data.has_value());
      RC_ASSERT(data->begin.value() >= seen);
      RC_ASSERT(std::ranges::all_of(Part(seen, data->begin.value() - seen),
                                    [](std::byte b) { return b == std::byte{0}; }));
      RC_ASSERT(data->length > Bytes(0) || data->begin.value() == size());
      seen = data->end().value();
    }
  }

  std::uint64_t chunk_;
  Bytes origin_size_;
  Contents model_;
  std::unique_ptr<FakeFile> origin_;
  std::unique_ptr<FakeFile> store_;
  std::unique_ptr<CowDisk> disk_;
};

rc::Gen<Step> StepFor(std::uint64_t size, std::uint64_t chunk) {
  return rc::gen::exec([=] {
    Step step;
    step.verb = *rc::gen::weightedElement<Verb>({{6, Verb::kRead},
                                                 {8, Verb::kWrite},
                                                 {3, Verb::kWriteZeroes},
                                                 {2, Verb::kDiscard},
                                                 {2, Verb::kFlush},
                                                 {1, Verb::kReopen}});
    step.at = *rc::gen::inRange<std::uint64_t>(0, size);
    // Half of them begin where a chunk begins, and many end where one ends.
    if (*rc::gen::inRange(0, 2) == 0) step.at = step.at / chunk * chunk;
    step.length = *rc::gen::inRange<std::uint64_t>(0, 3 * chunk);
    if (*rc::gen::inRange(0, 2) == 0) step.length = (step.length / chunk + 1) * chunk;
    step.length = std::min(step.length, size - step.at);
    step.fill = static_cast<unsigned char>(*rc::gen::inRange(1, 256));
    return step;
  });
}

struct ModelCase {
  std::uint64_t chunk_kib = 4;
  Image image = Image::kAll;
};

class ModelTest : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ModelTest, IsToldFromAnArrayByNothingButSpeed) {
  const ChunkSize chunk_size = ChunkSize::FromBytes(KiB(GetParam().chunk_kib)).value();
  std::size_t steps_done = 0;
  // Large chunks move a lot of memory; one round is 10,000 operations.
  const std::size_t wanted = (GetParam().chunk_kib <= 64 ? 20'000 : 10'000) * StormFactor();
  while (steps_done < wanted && !HasFailure()) {
    const bool passed = rc::check([&] {
      Bench bench(chunk_size, GetParam().image);
      const auto steps =
          *rc::gen::container<std::vector<Step>>(100, StepFor(bench.size(), bench.chunk()));
      for (const Step& step : steps) bench.Do(step);
      bench.RequireAll();
      steps_done += steps.size();
    });
    ASSERT_TRUE(passed);
  }
  RecordProperty("operations", std::to_string(steps_done));
}

std::string NameOfCase(const ::testing::TestParamInfo<ModelCase>& instance) {
  return std::to_string(instance.param.chunk_kib) + "KiB";
}

std::vector<ModelCase> CasesWith(Image image, const std::vector<std::uint64_t>& chunks_kib) {
  std::vector<ModelCase> cases;
  cases.reserve(chunks_kib.size());
  for (const std::uint64_t kib : chunks_kib) cases.push_back({.chunk_kib = kib, .image = image});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Chunk, ModelTest,
                         ::testing::ValuesIn(CasesWith(Image::kAll,
                                                       {4, 8, 16, 32, 64, 128, 256, 512, 1024})),
                         NameOfCase);
INSTANTIATE_TEST_SUITE_P(PartOfTheDiskIsImageChunk, ModelTest,
                         ::testing::ValuesIn(CasesWith(Image::kPart, {4, 16, 1024})), NameOfCase);
INSTANTIATE_TEST_SUITE_P(OneByteIsImageChunk, ModelTest,
                         ::testing::ValuesIn(CasesWith(Image::kOneByte, {4, 64})), NameOfCase);

// Many threads

// Each thread owns every n-th stripe of the disk, so that threads meet inside of chunks all the
// time but never in a byte.
class Worker {
 public:
  Worker(CowDisk& disk, Contents& model, std::size_t me, std::size_t threads)
      : disk_(disk), model_(model), me_(me), threads_(threads), random_(me) {}

  void Step() {
    constexpr std::size_t kStripe = 1500;
    const std::size_t stripes = model_.size() / kStripe / threads_;
    const std::size_t begin = (random_() % stripes * threads_ + me_) * kStripe;
    const std::size_t lead = random_() % kStripe;
    const std::size_t at = begin + lead;
    const std::span<std::byte> mine(&model_[at], 1 + random_() % (kStripe - lead));
    switch (random_() % 8) {
      case 0:
        ASSERT_TRUE(disk_.Flush());
        break;
      case 1:
      case 2: {
        Contents shown(mine.size());
        ASSERT_TRUE(disk_.Read(ByteOffset(at), shown));
        ASSERT_TRUE(std::ranges::equal(shown, mine)) << "at " << at;
        break;
      }
      case 3:
        std::ranges::fill(mine, std::byte{0});
        ASSERT_TRUE(disk_.WriteZeroes(ByteOffset(at), Bytes(mine.size())));
        break;
      default:
        std::ranges::fill(mine, static_cast<std::byte>(random_()));
        ASSERT_TRUE(disk_.Write(ByteOffset(at), mine));
    }
  }

 private:
  CowDisk& disk_;
  Contents& model_;
  std::size_t me_;
  std::size_t threads_;
  std::mt19937_64 random_;
};

class ThreadsTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  ChunkSize chunk_size() const { return ChunkSize::FromBytes(KiB(GetParam())).value(); }
};

TEST_P(ThreadsTest, NeverDisturbEachOther) {
  constexpr std::size_t kThreads = 8;
  const std::size_t steps = 20'000 * StormFactor() / kThreads;
  std::atomic<std::size_t> steps_done = 0;
  const std::size_t size = std::max<std::size_t>(16 * chunk_size().bytes().value(), 1U << 20U) + 77;
  Contents model(size, std::byte{0x33});
  FakeFile origin(model);
  const Geometry geometry(chunk_size());
  FakeFile store(geometry.StoreBytesFor(geometry.ChunksFor(Bytes(size))).value());
  std::array<std::byte, kHeaderBytes> header{};
  EncodeHeader({Activation::kValid, chunk_size(), std::nullopt}, header);
  ASSERT_TRUE(store.Open()->WriteAt(ByteOffset(0), header));
  {
    const auto disk = CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadWrite).value();
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        Worker worker(*disk, model, i, kThreads);
        for (std::size_t n = 0; n < steps && !HasFailure(); ++n) {
          worker.Step();
          ++steps_done;
        }
      });
    }
    threads.clear();
    ASSERT_EQ(steps_done, steps * kThreads);
    ASSERT_TRUE(disk->Flush());
  }
  const auto report = CheckStore(*store.Open(), Bytes(size),
                                 [](const Fault& fault) { ADD_FAILURE() << fault.message; });
  ASSERT_TRUE(report);
  const auto disk = CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadOnly).value();
  Contents shown(size);
  ASSERT_TRUE(disk->Read(ByteOffset(0), shown));
  EXPECT_TRUE(shown == model);
}

INSTANTIATE_TEST_SUITE_P(ChunkKiB, ThreadsTest, ::testing::Values(4, 16, 64, 1024));

}  // namespace
}  // namespace veneer
