#include "api/trouble_book.h"

namespace veneer::api {

void TroubleBook::Compare(const std::string& watch, Troubles now) {
  Troubles& before = before_[watch];
  for (const auto& [object, trouble] : now) {
    const auto known = before.find(object);
    if (known == before.end() || known->second != trouble) tell_({watch, object, trouble});
    if (known != before.end()) before.erase(known);
  }
  for (const auto& [object, trouble] : before) tell_({watch, object, "well again"});
  before = std::move(now);
}

std::string TroubleBook::Last(const std::string& watch, const std::string& object) const {
  const auto troubles = before_.find(watch);
  if (troubles == before_.end()) return "";
  const auto trouble = troubles->second.find(object);
  return trouble == troubles->second.end() ? "" : trouble->second;
}

}  // namespace veneer::api
