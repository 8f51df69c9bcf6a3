#include "app/table.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(TableTest, ColumnsAreAsWideAsWhatIsInThem) {
  const std::vector<Column> columns{{"NAME"}, {"SIZE", Align::kRight}, {"STATE"}};
  EXPECT_EQ(RenderTable(columns, {{"a", "1.0 MiB", "running"}, {"longer", "2 B", "paused"}}),
            "NAME       SIZE  STATE\n"
            "a       1.0 MiB  running\n"
            "longer      2 B  paused\n");
}

TEST(TableTest, WithoutRowsThereAreTheHeads) {
  EXPECT_EQ(RenderTable({{"A"}, {"B"}}, {}), "A  B\n");
}

TEST(TableTest, CharactersOfSeveralBytesTakeOnePlaceAndControlsNone) {
  EXPECT_EQ(RenderTable({{"A"}, {"B"}}, {{"ü", "x"}, {"\n\x1b", "y"}}),
            "A   B\n"
            "ü   x\n"
            "??  y\n");
}

}  // namespace
}  // namespace veneer
