#include "backend/dm/disk_record.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "kernel/testing/resource_limit.h"
#include "kernel/testing/temp_directory.h"

namespace veneer::dm {
namespace {

class DiskRecordTest : public ::testing::Test {
 protected:
  testing::TempDirectory directory_;
  std::string path_ = directory_ / "";
};

DiskRecord Example() {
  return {.state = RecordState::kAttached,
          .store = "/var/a.cow",
          .origin = "/var/a.img",
          .access = DiskAccess::kReadOnly,
          .store_loop = 7,
          .padded_origin = "veneer-origin:3:8192"};
}

TEST_F(DiskRecordTest, ComesBackAsItWasWritten) {
  {
    auto record = LockedRecord::Take(path_, "a");
    ASSERT_TRUE(record);
    EXPECT_TRUE(record->made());
    ASSERT_TRUE(record->Write(Example()));
  }
  const auto record = LockedRecord::TakeExisting(path_, "a");
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->made());
  EXPECT_EQ(EncodeRecord(record->record()), EncodeRecord(Example()));
  EXPECT_EQ(record->record().state, RecordState::kAttached);
  EXPECT_EQ(record->record().store_loop, std::optional(7U));
  EXPECT_EQ(record->record().padded_origin, "veneer-origin:3:8192");
  EXPECT_EQ(RecordedDisks(path_), std::vector<std::string>{"a"});
}

TEST_F(DiskRecordTest, AShorterRecordLeavesNothingOfALongerOne) {
  auto record = LockedRecord::Take(path_, "a");
  ASSERT_TRUE(record->Write(Example()));
  ASSERT_TRUE(record->Write({.state = RecordState::kDetaching}));
  const auto read = ReadRecord(path_, "a");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->state, RecordState::kDetaching);
}

TEST_F(DiskRecordTest, AShorterRecordIsWrittenInOneStepAndNothingIsCutOff) {
  auto record = LockedRecord::Take(path_, "a");
  ASSERT_TRUE(record->Write(Example()));
  const auto size = std::filesystem::file_size(path_ + "a.json");
  ASSERT_TRUE(record->Write({.state = RecordState::kHeld}));
  EXPECT_EQ(std::filesystem::file_size(path_ + "a.json"), size);
  EXPECT_EQ(ReadRecord(path_, "a")->state, RecordState::kHeld);
}

TEST_F(DiskRecordTest, ARecordThatCouldNotBeWrittenIsAsItWas) {
  auto record = LockedRecord::Take(path_, "a");
  ASSERT_TRUE(record->Write(Example()));
  DiskRecord longer = Example();
  longer.store = std::string(1000, 'x');
  {
    const testing::ResourceLimit half(RLIMIT_FSIZE, 500);
    EXPECT_FALSE(record->Write(longer));
  }
  const auto read = ReadRecord(path_, "a");
  ASSERT_TRUE(read);
  EXPECT_EQ(EncodeRecord(*read), EncodeRecord(Example()));
  EXPECT_EQ(EncodeRecord(record->record()), EncodeRecord(Example()));
}

TEST_F(DiskRecordTest, OneProcessWorksOnItAtATime) {
  const auto record = LockedRecord::Take(path_, "a");
  ASSERT_TRUE(record);
  const auto other = LockedRecord::TakeExisting(path_, "a");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
}

TEST_F(DiskRecordTest, AnErasedOneIsGone) {
  LockedRecord::Take(path_, "a")->Erase();
  const auto record = LockedRecord::TakeExisting(path_, "a");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(RecordedDisks(path_), std::vector<std::string>());
}

TEST_F(DiskRecordTest, ADirectoryThatCannotBeReadIsNotEmpty) {
  EXPECT_EQ(RecordedDisks(path_ + "/missing"), std::vector<std::string>());
  if (!testing::kCanDoWithoutDescriptors) GTEST_SKIP() << testing::kNoDescriptorsNoUbsan;
  const testing::ResourceLimit no_files(RLIMIT_NOFILE, 0);
  EXPECT_FALSE(RecordedDisks(path_));
}

TEST_F(DiskRecordTest, AnUnreadableOneMeansThatACommandWasKilled) {
  for (const char* text : {"", "{", "[]"}) {
    EXPECT_FALSE(DecodeRecord(text)) << text;
  }
  std::filesystem::copy_file("/proc/self/comm", path_ + "a.json");
  const auto record = LockedRecord::TakeExisting(path_, "a");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->record().state, RecordState::kAttaching);
}

TEST_F(DiskRecordTest, ALoopDeviceThatCannotBeIsNone) {
  for (const char* number : {"-1", "2147483648", "null", "1e30"}) {
    const auto record = DecodeRecord(std::string(R"({"store_loop":)") + number + "}");
    ASSERT_TRUE(record) << number;
    EXPECT_EQ(record->store_loop, std::nullopt) << number;
  }
  EXPECT_EQ(DecodeRecord(EncodeRecord({}))->store_loop, std::nullopt);
}

TEST_F(DiskRecordTest, FieldsOfTheWrongKindAreDefaults) {
  const auto record = DecodeRecord(R"({"state":5,"store":null,"store_loop":"x","read_only":1})");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->state, RecordState::kAttaching);
  EXPECT_EQ(record->store, "");
  EXPECT_EQ(record->store_loop, std::nullopt);
  EXPECT_EQ(record->access, DiskAccess::kReadWrite);
}

}  // namespace
}  // namespace veneer::dm
