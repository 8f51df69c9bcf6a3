#include "images/space.h"

#include <gtest/gtest.h>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

ErrorKind KindOf(const Result<void>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorKind::kFailed : result.error().kind;
}

TEST(SpaceTest, ReadsAPartOrASize) {
  EXPECT_EQ(ParseSpaceReserve("7%").value().percent, 7U);
  EXPECT_EQ(ParseSpaceReserve("7%").value().size, Bytes(0));
  EXPECT_EQ(ParseSpaceReserve("0%").value().percent, 0U);
  EXPECT_EQ(ParseSpaceReserve("99%").value().percent, 99U);
  EXPECT_EQ(ParseSpaceReserve("2G").value().percent, 0U);
  EXPECT_EQ(ParseSpaceReserve("2G").value().size, GiB(2));
}

TEST(SpaceTest, RefusesWhatIsNeither) {
  for (const char* text : {"", "%", "100%", "-1%", "5 %", "5%%", "99999999999999999999%", "much"}) {
    EXPECT_EQ(ParseSpaceReserve(text).error().kind, ErrorKind::kUsage) << text;
  }
}

TEST(SpaceTest, TheReserveIsTheLargerOfItsTwoParts) {
  EXPECT_EQ(ReservedOf(GiB(20), {}), Bytes(GiB(20).value() / 100 * 5));
  EXPECT_EQ(ReservedOf(GiB(100), {.percent = 10, .size = GiB(1)}).value(),
            GiB(100).value() / 100 * 10);
  EXPECT_EQ(ReservedOf(GiB(5), {.percent = 10, .size = GiB(1)}), GiB(1));
  EXPECT_EQ(ReservedOf(GiB(5), {.percent = 0, .size = Bytes(0)}), Bytes(0));
  // No overflow at the largest sizes that there are.
  EXPECT_GT(ReservedOf(Bytes(~std::uint64_t{0}), {.percent = 99, .size = Bytes(0)}),
            Bytes(std::uint64_t{1} << 63U));
}

TEST(SpaceTest, ThereIsRoomUntilTheReserveIsTouched) {
  const FileSystemRoom room{.total = Bytes(100'000), .available = Bytes(30'000)};
  EXPECT_TRUE(JudgeRoom(room, Bytes(25'000), {}, "/x"));
  EXPECT_EQ(KindOf(JudgeRoom(room, Bytes(25'001), {}, "/x")), ErrorKind::kNoSpace);
  EXPECT_EQ(KindOf(JudgeRoom(room, Bytes(~std::uint64_t{0}), {}, "/x")), ErrorKind::kNoSpace);
}

TEST(SpaceTest, AFileSystemWithinItsReserveHasNoRoomForAnything) {
  const FileSystemRoom room{.total = Bytes(100'000), .available = Bytes(4'000)};
  EXPECT_EQ(KindOf(JudgeRoom(room, Bytes(0), {}, "/x")), ErrorKind::kNoSpace);
}

TEST(SpaceTest, SaysTheNumbersAndWhatToDo) {
  const FileSystemRoom room{.total = GiB(40), .available = GiB(3)};
  const auto judged = JudgeRoom(room, GiB(2), {}, "/srv/veneer");
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().what,
            "not enough room in /srv/veneer: 2.0 GiB is needed, 3.0 GiB of 40 GiB is free, and "
            "2.0 GiB of it is to stay free");
  EXPECT_FALSE(judged.error().hint.empty());
}

TEST(SpaceTest, AsksTheFileSystem) {
  const testing::TempDirectory dir;
  const FileSystemRoom room = RoomIn(dir.path()).value();
  EXPECT_GT(room.total, Bytes(0));
  EXPECT_LE(room.available, room.total);
  EXPECT_TRUE(RequireRoom(dir.path(), Bytes(0), {.percent = 0, .size = Bytes(0)}));
  EXPECT_EQ(KindOf(RequireRoom(dir.path(), room.total + Bytes(1), {})), ErrorKind::kNoSpace);
  EXPECT_EQ(RoomIn(dir / "none").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace veneer
