#include "base/size_text.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(ParseSizeTest, ReadsBinaryUnits) {
  EXPECT_EQ(ParseSize("512").value(), Bytes(512));
  EXPECT_EQ(ParseSize("4K").value(), KiB(4));
  EXPECT_EQ(ParseSize("4k").value(), KiB(4));
  EXPECT_EQ(ParseSize("1MiB").value(), MiB(1));
  EXPECT_EQ(ParseSize("2G").value(), GiB(2));
  EXPECT_EQ(ParseSize("1TB").value(), GiB(1024));
  EXPECT_EQ(ParseSize("9223372036854775807").value(), Bytes(9223372036854775807U));
}

TEST(ParseSizeTest, RefusesWhatIsNoPositiveSize) {
  for (const char* text : {"", "0", "0K", "-1", "+1", " 1", "1 ", "7Q", "K", "4KK", "4Ki", "1.5G",
                           "9223372036854775808", "8388608T", "99999999999999999999", "0x10"}) {
    const auto size = ParseSize(text);
    ASSERT_FALSE(size.has_value()) << text;
    EXPECT_EQ(size.error().kind, ErrorKind::kUsage) << text;
    EXPECT_FALSE(size.error().hint.empty()) << text;
  }
}

TEST(FormatSizeTest, ShowsThreeDigits) {
  EXPECT_EQ(FormatSize(Bytes(0)), "0 B");
  EXPECT_EQ(FormatSize(Bytes(1023)), "1023 B");
  EXPECT_EQ(FormatSize(KiB(4)), "4.0 KiB");
  EXPECT_EQ(FormatSize(MiB(227)), "227 MiB");
  EXPECT_EQ(FormatSize(MiB(2048)), "2.0 GiB");
  EXPECT_EQ(FormatSize(MiB(1) - Bytes(1)), "1.0 MiB");
}

}  // namespace
}  // namespace veneer
