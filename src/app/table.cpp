#include "app/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "app/output.h"

namespace veneer {
namespace {

// Characters, not bytes, as far as one takes one place (names may be UTF-8 in paths).
std::size_t WidthOf(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string RenderRow(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                      const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t n = 0; n < columns.size(); ++n) {
    const std::string cell = OneLine(cells[n]);
    const std::string pad(widths[n] - WidthOf(cell), ' ');
    if (n > 0) line += "  ";
    line += columns[n].align == Align::kRight ? pad + cell : cell + pad;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::string> heads;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) {
    heads.push_back(column.head);
    widths.push_back(WidthOf(column.head));
  }
  for (const auto& row : rows) {
    for (std::size_t n = 0; n < columns.size(); ++n) {
      widths[n] = std::max(widths[n], WidthOf(OneLine(row[n])));
    }
  }
  std::string text = RenderRow(columns, widths, heads);
  for (const auto& row : rows) text += RenderRow(columns, widths, row);
  return text;
}

}  // namespace veneer
