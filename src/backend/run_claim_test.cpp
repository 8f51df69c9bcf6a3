#include "backend/run_claim.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "kernel/testing/resource_limit.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Result<bool> AtRest(const std::string& /*run*/) { return true; }
Result<bool> Running(const std::string& /*run*/) { return false; }

class RunClaimTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string made = fs::temp_directory_path() / "veneer-claim-XXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    root_ = made;
    fs::create_directories(root_ + "/a");
    fs::create_directories(root_ + "/b");
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] auto Take(const std::string& run, const RunClaim::AtRest& at_rest) const {
    return RunClaim::Take(root_, root_ + run, at_rest);
  }

  std::string root_;
};

TEST_F(RunClaimTest, TheFirstOneIsTakenByAllThatNameIt) {
  const auto one = Take("/a", Running);
  ASSERT_TRUE(one) << one.error().what;
  fs::create_directory_symlink(root_ + "/a", root_ + "/link");
  for (const char* same : {"/a", "/a/", "/b/../a", "/link"}) {
    EXPECT_TRUE(Take(same, Running)) << same;
    EXPECT_TRUE(RunClaim::Look(root_, root_ + same, Running)) << same;
  }
}

TEST_F(RunClaimTest, AnotherOneIsRefusedWhileAnythingRuns) {
  ASSERT_TRUE(Take("/a", Running));
  const auto taken = Take("/b", Running);
  const auto looked = RunClaim::Look(root_, root_ + "/b", Running);
  ASSERT_FALSE(taken);
  ASSERT_FALSE(looked);
  for (const Error& refusal : {taken.error(), looked.error()}) {
    EXPECT_EQ(refusal.kind, ErrorKind::kConflict);
    EXPECT_THAT(refusal.hint, HasSubstr("--run " + root_ + "/a"));
  }
  EXPECT_TRUE(Take("/a", Running));
}

TEST_F(RunClaimTest, AnotherOneIsRefusedWhileAProcessUsesTheFirst) {
  const auto daemon = Take("/a", AtRest);
  ASSERT_TRUE(daemon);
  const auto other = Take("/b", AtRest);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(RunClaim::Look(root_, root_ + "/b", AtRest)) << "looking does no harm";
}

TEST_F(RunClaimTest, AnotherOneIsTakenWhereNothingRuns) {
  ASSERT_TRUE(Take("/a", AtRest));
  std::string asked;
  const auto moved = Take("/b", [&](const std::string& run) -> Result<bool> {
    asked = run;
    return true;
  });
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(asked, root_ + "/a");
  EXPECT_FALSE(Take("/a", AtRest));
}

TEST_F(RunClaimTest, WhatCannotBeToldIsNoRest) {
  ASSERT_TRUE(Take("/a", AtRest));
  const auto unknown = [](const std::string&) -> Result<bool> {
    return Fail(ErrorKind::kFailed, "the catalog cannot be read", "");
  };
  const auto other = Take("/b", unknown);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kFailed);
  EXPECT_TRUE(Take("/a", unknown));
}

TEST_F(RunClaimTest, ARecordThatWasCutOffIsNone) {
  std::ofstream(root_ + "/run") << root_ << "/a";
  EXPECT_TRUE(RunClaim::Look(root_, root_ + "/b", Running));
  EXPECT_TRUE(Take("/b", Running));
  EXPECT_FALSE(Take("/a", Running));
}

TEST_F(RunClaimTest, APathMayHaveLinesOfItsOwn) {
  fs::create_directories(root_ + "/a\nb");
  ASSERT_TRUE(Take("/a\nb", Running));
  EXPECT_TRUE(Take("/a\nb", Running));
  EXPECT_FALSE(Take("/a", Running));
}

// Who makes room on a full host is not to be kept from it.
TEST_F(RunClaimTest, WhereThereIsNoRoomToRecordItNothingIsClaimed) {
  {
    const testing::ResourceLimit little(RLIMIT_FSIZE, 3);
    EXPECT_TRUE(Take("/a", Running));
  }
  EXPECT_TRUE(RunClaim::Look(root_, root_ + "/b", Running)) << "a part of it says nothing";
  EXPECT_TRUE(Take("/b", Running));
}

TEST_F(RunClaimTest, ManyMayBeTheFirstAtOnce) {
  constexpr int kMany = 16;
  std::vector<std::string> said(kMany);
  {
    std::vector<std::jthread> threads;
    threads.reserve(kMany);
    for (std::string& each : said) {
      threads.emplace_back([&] {
        const auto claim = Take("/a", Running);
        if (!claim) each = claim.error().what;
      });
    }
  }
  EXPECT_THAT(said, ::testing::Each(""));
}

}  // namespace
}  // namespace veneer
