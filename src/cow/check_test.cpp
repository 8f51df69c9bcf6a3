#include "cow/check.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "cow/store_info.h"
#include "format/exception.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

using testing::FakeFile;

class CheckTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kChunk = 4096;

  // A store of so many chunks with these exceptions, from the first slot on.
  void Make(Chunks chunks, const std::vector<Exception>& exceptions,
            Activation activation = Activation::kValid,
            std::optional<RecordedSizes> recorded = std::nullopt) {
    store_ = std::make_unique<FakeFile>(Bytes(chunks.value() * kChunk));
    std::array<std::byte, kHeaderBytes> header{};
    EncodeHeader({activation, ChunkSize(), recorded}, header);
    const auto file = store_->Open();
    ASSERT_TRUE(file->WriteAt(ByteOffset(0), header));
    const Geometry geometry{ChunkSize()};
    for (std::size_t i = 0; i < exceptions.size(); ++i) {
      std::array<std::byte, kExceptionBytes> entry{};
      EncodeException(exceptions[i], entry, 0);
      const StoreChunk area = geometry.AreaChunk(i / 256);
      if (area.value() >= chunks.value()) break;
      ASSERT_TRUE(file->WriteAt(geometry.OffsetOf(area) + Bytes(i % 256 * kExceptionBytes), entry));
    }
  }
  std::vector<FaultRule> Faults(std::optional<Bytes> origin = std::nullopt) {
    std::vector<FaultRule> rules;
    const auto report = CheckStore(*store_->Open(), origin, [&](const Fault& fault) {
      EXPECT_FALSE(fault.message.empty());
      rules.push_back(fault.rule);
    });
    EXPECT_TRUE(report);
    if (report) {
      EXPECT_EQ(report->faults, rules.size());
    }
    return rules;
  }
  static Exception At(std::uint64_t origin, std::uint64_t store) {
    return {OriginChunk(origin), StoreChunk(store)};
  }

  std::unique_ptr<FakeFile> store_;
};

using Rules = std::vector<FaultRule>;

TEST_F(CheckTest, ASoundStoreHasNoFault) {
  Make(Chunks(20), {At(7, 2), At(0, 5), At(3, 3)});
  EXPECT_EQ(Faults(), Rules{});
  EXPECT_EQ(Faults(Bytes(8 * kChunk)), Rules{});
  EXPECT_EQ(Faults(Bytes(7 * kChunk + 1)), Rules{}) << "the last chunk may be partial";
}

TEST_F(CheckTest, AStoreOfZerosIsSound) {
  store_ = std::make_unique<FakeFile>(Bytes(3 * kChunk));
  EXPECT_EQ(Faults(), Rules{});
}

TEST_F(CheckTest, EachRuleHasItsFault) {
  Make(Chunks(20), {At(7, 2), At(7, 3)});
  EXPECT_EQ(Faults(), Rules{FaultRule::kDuplicateOrigin});
  Make(Chunks(20), {At(7, 2), At(8, 2)});
  EXPECT_EQ(Faults(), Rules{FaultRule::kDuplicateStore});
  Make(Chunks(20), {At(7, 1)});
  EXPECT_EQ(Faults(), Rules{FaultRule::kMetadataSlot});
  Make(Chunks(300), {At(7, 258)});
  EXPECT_EQ(Faults(), Rules{FaultRule::kMetadataSlot});
  Make(Chunks(20), {At(7, 20)});
  EXPECT_EQ(Faults(), Rules{FaultRule::kTruncated});
  Make(Chunks(20), {At(8, 2)});
  EXPECT_EQ(Faults(Bytes(8 * kChunk)), Rules{FaultRule::kOutOfBounds});
  Make(Chunks(20), {At(~std::uint64_t{0}, 2)});
  EXPECT_EQ(Faults(), Rules{FaultRule::kOutOfBounds}) << "no disk is that large";
  Make(Chunks(20), {At(7, 2)}, Activation::kInvalid);
  EXPECT_EQ(Faults(), Rules{FaultRule::kInvalid});
  store_ = std::make_unique<FakeFile>(Bytes(100));
  EXPECT_EQ(Faults(), Rules{FaultRule::kHeader});
}

TEST_F(CheckTest, TheRecordedDiskIsTheBoundAndTheImageIsChecked) {
  const RecordedSizes sizes{.origin_size = Bytes(4 * kChunk + 1), .disk_size = Bytes(8 * kChunk)};
  Make(Chunks(20), {At(7, 2)}, Activation::kValid, sizes);
  EXPECT_EQ(Faults(), Rules{});
  EXPECT_EQ(Faults(sizes.origin_size), Rules{});
  EXPECT_EQ(Faults(sizes.disk_size), Rules{FaultRule::kOriginSize});
  Make(Chunks(20), {At(8, 2)}, Activation::kValid, sizes);
  EXPECT_EQ(Faults(), Rules{FaultRule::kOutOfBounds});
  EXPECT_EQ(Faults(sizes.origin_size), Rules{FaultRule::kOutOfBounds});
}

TEST_F(CheckTest, EveryFaultIsReported) {
  Make(Chunks(20), {At(7, 2), At(7, 2), At(9, 0x1000), At(1, 1)});
  EXPECT_EQ(Faults(), (Rules{FaultRule::kDuplicateOrigin, FaultRule::kDuplicateStore,
                             FaultRule::kTruncated, FaultRule::kMetadataSlot}));
}

TEST_F(CheckTest, AListThatRunsOverTheEndIsTruncated) {
  std::vector<Exception> full;
  full.reserve(256);
  for (std::uint64_t i = 0; i < 256; ++i) full.push_back(At(i, i + 2));
  Make(Chunks(258), full);
  EXPECT_EQ(Faults(), Rules{FaultRule::kTruncated});
  Make(Chunks(259), full);
  EXPECT_EQ(Faults(), Rules{});
}

TEST_F(CheckTest, AReadErrorIsNoFault) {
  Make(Chunks(20), {At(7, 2)});
  store_->FailNext(FakeFile::Verb::kRead, EIO, 1);
  EXPECT_EQ(CheckStore(*store_->Open(), std::nullopt, [](const Fault&) {}).error().kind,
            ErrorKind::kFailed);
}

TEST_F(CheckTest, InfoCountsAsTheKernelDoes) {
  Make(Chunks(100), {At(7, 2), At(0, 3), At(3, 5)});
  const StoreInfo info = ReadStoreInfo(*store_->Open()).value();
  EXPECT_EQ(info.exceptions, 3U);
  EXPECT_EQ(info.data, Bytes(3 * kChunk));
  EXPECT_EQ(info.metadata, Bytes(2 * kChunk));
  EXPECT_EQ(info.capacity, Chunks(100));
  EXPECT_EQ(info.used, Chunks(6));
  EXPECT_DOUBLE_EQ(FillOf(info).fill(), 0.06);
  EXPECT_EQ(FillOf(info).condition, StoreCondition::kGood);
}

TEST_F(CheckTest, RunsAreInTheOrderOfTheOrigin) {
  Make(Chunks(100), {At(7, 2), At(8, 3), At(3, 9), At(2, 8), At(9, 5)});
  EXPECT_EQ(ReadRuns(*store_->Open()).value(),
            (std::vector<ExceptionRun>{{OriginChunk(2), StoreChunk(8), Chunks(2)},
                                       {OriginChunk(7), StoreChunk(2), Chunks(2)},
                                       {OriginChunk(9), StoreChunk(5), Chunks(1)}}));
}

}  // namespace
}  // namespace veneer
