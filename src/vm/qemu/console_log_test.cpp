#include "vm/qemu/console_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class ConsoleLogTest : public ::testing::Test {
 protected:
  [[nodiscard]] ConsoleText Read(std::uint64_t from) const {
    return ConsoleLog::Read(path(), from).value_or(ConsoleText{});
  }
  [[nodiscard]] std::string path() const { return directory_ / ""; }

  testing::TempDirectory directory_;
  ConsoleLog log_{path()};
};

TEST_F(ConsoleLogTest, WhoReadsOnGetsWhatIsNew) {
  ASSERT_TRUE(log_.Append("one "));
  const ConsoleText first = Read(0);
  EXPECT_EQ(first.text, "one ");
  ASSERT_TRUE(log_.Append("two"));
  EXPECT_EQ(Read(first.next).text, "two");
  EXPECT_EQ(Read(7).text, "");
  EXPECT_EQ(ConsoleLog::Tail(path(), 3), "two");
}

TEST_F(ConsoleLogTest, AConsoleThatNeverStopsKeepsItsEndAndABoundedSize) {
  const std::string piece(10'000, 'x');
  constexpr unsigned kPieces = 500;
  for (unsigned n = 0; n < kPieces; ++n) ASSERT_TRUE(log_.Append(piece));
  ASSERT_TRUE(log_.Append("the end"));
  std::uintmax_t size = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path())) size += entry.file_size();
  EXPECT_LE(size, 2 * ConsoleLog::kHalf + 100);
  const ConsoleText last = Read(0);
  EXPECT_EQ(last.next, kPieces * piece.size() + 7);
  EXPECT_THAT(last.text, ::testing::EndsWith("xthe end"));
  EXPECT_GE(last.text.size(), ConsoleLog::kHalf - piece.size());
}

TEST_F(ConsoleLogTest, AnythingElseInItsPlaceIsNoLog) {
  std::ofstream(directory_ / "console.0") << "no number\nbytes";
  EXPECT_EQ(Read(0).text, "");
  EXPECT_EQ(ConsoleLog::Tail(path(), 10), "");
}

}  // namespace
}  // namespace veneer
