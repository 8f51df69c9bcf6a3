#include "cow/store_fill.h"

#include <algorithm>

namespace veneer {

std::string_view ConditionName(StoreCondition condition) {
  switch (condition) {
    case StoreCondition::kGood:
      return "good";
    case StoreCondition::kOverflow:
      return "overflow";
    case StoreCondition::kInvalid:
      return "invalid";
  }
  return "invalid";
}

double StoreFill::fill() const {
  if (capacity == Bytes(0)) return 1;
  return std::min(1.0, static_cast<double>(used.value()) / static_cast<double>(capacity.value()));
}

StoreCondition ConditionOf(const Geometry& geometry, Chunks capacity, std::uint64_t exceptions,
                           std::optional<Bytes> disk_size) {
  if (exceptions < geometry.MaxExceptions(capacity)) return StoreCondition::kGood;
  const bool all_changed = disk_size && exceptions >= geometry.ChunksFor(*disk_size).value();
  return all_changed ? StoreCondition::kGood : StoreCondition::kOverflow;
}

}  // namespace veneer
