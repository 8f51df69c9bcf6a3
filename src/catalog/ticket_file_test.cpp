#include "catalog/ticket_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class TicketFileTest : public ::testing::Test {
 protected:
  TicketFile Open() const { return TicketFile::Open(path_).value(); }

  testing::TempDirectory directory_;
  std::string path_ = directory_ / "a.lock";
};

TEST_F(TicketFileTest, TurnsComeInTheOrderOfTheNumbers) {
  std::optional<TicketFile> first = Open();
  TicketFile second = Open();
  TicketFile third = Open();
  EXPECT_TRUE(first->IsTurn().value());
  EXPECT_FALSE(second.IsTurn().value());
  EXPECT_FALSE(third.IsTurn().value());
  first.reset();
  EXPECT_FALSE(third.IsTurn().value());
  EXPECT_TRUE(second.IsTurn().value());
}

TEST_F(TicketFileTest, WhoGaveUpIsPassedOver) {
  std::optional<TicketFile> first = Open();
  std::optional<TicketFile> second = Open();
  TicketFile third = Open();
  EXPECT_TRUE(first->IsTurn().value());
  EXPECT_FALSE(second->IsTurn().value());
  EXPECT_FALSE(third.IsTurn().value());
  second.reset();
  EXPECT_FALSE(third.IsTurn().value());
  first.reset();
  EXPECT_TRUE(third.IsTurn().value());
}

TEST_F(TicketFileTest, ADamagedCounterIsCorrupt) {
  std::ofstream(path_) << std::string(200, '\xff');
  EXPECT_EQ(Open().IsTurn().error().kind, ErrorKind::kCorrupt);
}

TEST_F(TicketFileTest, ACounterThatIsSetBackGivesNobodyANumberTwice) {
  TicketFile first = Open();
  ASSERT_TRUE(first.IsTurn().value());
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(Open().IsTurn().error().kind, ErrorKind::kCorrupt);
}

TEST_F(TicketFileTest, ALinkIsNotFollowed) {
  std::filesystem::create_symlink("elsewhere", path_);
  EXPECT_FALSE(TicketFile::Open(path_));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere"));
}

TEST_F(TicketFileTest, KnowsWhenItsFileIsNoLongerAtItsPath) {
  const TicketFile file = Open();
  EXPECT_TRUE(file.IsAtPath());
  std::filesystem::remove(path_);
  EXPECT_FALSE(file.IsAtPath());
  const TicketFile other = Open();
  EXPECT_FALSE(file.IsAtPath());
  EXPECT_TRUE(other.IsAtPath());
}

TEST_F(TicketFileTest, ASignatureIsReadBackAndReplacedWhole) {
  TicketFile file = Open();
  EXPECT_EQ(file.ReadHolder(), std::nullopt);
  ASSERT_TRUE(file.Sign({.pid = 812, .verb = "destroy", .command = "a long (name)"}));
  ASSERT_TRUE(file.Sign({.pid = 7, .verb = "pause", .command = "sh"}));
  const auto holder = Open().ReadHolder();
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, 7);
  EXPECT_EQ(holder->verb, "pause");
  EXPECT_EQ(holder->command, "sh");
}

TEST(LockHolderTest, AnySignatureHasOneLengthAndCanBeRead) {
  for (const LockHolder& holder :
       {LockHolder{.pid = std::numeric_limits<pid_t>::max(),
                   .verb = std::string(500, 'v'),
                   .command = std::string(500, 'c')},
        LockHolder{.pid = 1, .verb = "", .command = ""},
        LockHolder{.pid = 1, .verb = "a b\n", .command = " \x1b[31m\xff "}}) {
    const std::string text = EncodeHolder(holder);
    EXPECT_EQ(text.size(), 128U);
    const auto decoded = DecodeHolder(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(decoded->pid, holder.pid);
    EXPECT_EQ(EncodeHolder(*decoded), text);
  }
}

TEST(LockHolderTest, OtherTextsAreNoSignature) {
  const std::string good = EncodeHolder({.pid = 12, .verb = "pause", .command = "veneer"});
  const auto with_start = [&](const std::string& start) {
    return start + good.substr(start.size());
  };
  ASSERT_TRUE(DecodeHolder(good));
  for (const std::string& text :
       {std::string(), good.substr(1), good + "\n", std::string(127, ' ') + "\n",
        std::string(128, '\0'), with_start("x"), with_start("-1"), with_start("0 "),
        with_start("12x"), with_start("99999999999999999999 "), with_start("12 p\x1b"),
        with_start("12 pause \n")}) {
    EXPECT_FALSE(DecodeHolder(text)) << text;
  }
}

}  // namespace
}  // namespace veneer
