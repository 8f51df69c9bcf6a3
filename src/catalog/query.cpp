#include "catalog/query.h"

#include <SQLiteCpp/Column.h>

namespace veneer {

Query& Query::With(std::string_view text) {
  statement_.bind(++bound_, std::string(text));
  return *this;
}

Query& Query::With(std::int64_t number) {
  statement_.bind(++bound_, number);
  return *this;
}

Query& Query::With(const std::optional<std::string>& text) {
  if (text) return With(std::string_view(*text));
  statement_.bind(++bound_);
  return *this;
}

std::string Query::Text(int column) const { return statement_.getColumn(column).getString(); }

std::int64_t Query::Number(int column) const { return statement_.getColumn(column).getInt64(); }

std::optional<std::string> Query::OptionalText(int column) const {
  if (statement_.isColumnNull(column)) return std::nullopt;
  return Text(column);
}

}  // namespace veneer
