#include "vm/qemu/guest_input.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using nlohmann::json;

TEST(GuestInput, AMarkIsWhereARingIsAndHowFar) {
  const auto mark =
      DecodeInputMark(json{{"name", "virtio-serial"}, {"vring-used", 4096U}, {"used-idx", 65535U}});
  ASSERT_TRUE(mark);
  EXPECT_EQ(*mark, (InputMark{.ring = 4096, .count = 65535}));
  for (const json& none :
       {json(), json::array(), json{{"vring-used", 1}}, json{{"used-idx", 1}},
        json{{"vring-used", -1}, {"used-idx", 1U}}, json{{"vring-used", 1U}, {"used-idx", 65536U}},
        json{{"vring-used", "1"}, {"used-idx", 1U}}}) {
    EXPECT_FALSE(DecodeInputMark(none)) << none;
  }
}

TEST(GuestInput, LargeMemoriesHaveAGapBelowFourGib) {
  EXPECT_EQ(PlaceInMemory(4096, MiB(256)), 4096U);
  EXPECT_EQ(PlaceInMemory(MiB(256).value(), MiB(256)), std::nullopt);
  EXPECT_EQ(PlaceInMemory(GiB(3).value() - 1, GiB(8)), GiB(3).value() - 1);
  EXPECT_EQ(PlaceInMemory(GiB(3).value(), GiB(8)), std::nullopt);
  EXPECT_EQ(PlaceInMemory(GiB(4).value(), GiB(8)), GiB(3).value());
  EXPECT_EQ(PlaceInMemory(GiB(9).value(), GiB(8)), std::nullopt);
}

TEST(GuestInput, AMemoryThatWasWrittenToHasOtherMarks) {
  const testing::TempDirectory directory;
  const std::string path = directory / "memory";
  std::ofstream(path) << std::string(8192, '\0');
  std::filesystem::resize_file(path, MiB(1).value());
  const InputMarks marks{{.ring = 0, .count = 9}, {.ring = 4096, .count = 0x0201}};
  EXPECT_FALSE(HasMarks(path, marks).value_or(true));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4098);
  file << "\1\2" << std::flush;
  EXPECT_TRUE(HasMarks(path, marks).value_or(false));
  EXPECT_FALSE(HasMarks(path, {{.ring = MiB(2).value(), .count = 0}}));
}

}  // namespace
}  // namespace veneer
