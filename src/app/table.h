// Tables for people: columns as wide as what is in them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace veneer {

enum class Align : std::uint8_t { kLeft, kRight };

struct Column {
  std::string head;
  Align align = Align::kLeft;
};

// A line of heads and one for each row; two spaces between columns, none at the end of a line.
// Rows have as many cells as there are columns. Cells are made safe for a terminal. Pure.
std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<std::string>>& rows);

}  // namespace veneer
