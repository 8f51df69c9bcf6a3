#include "backend/json_fields.h"

#include <nlohmann/json.hpp>

namespace veneer {

using Json = nlohmann::json;

Json ParseObjectOrNull(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return nullptr;
  return json;
}

std::string DumpLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string StringOr(const Json& json, const char* name, std::string otherwise) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return otherwise;
  return found->get<std::string>();
}

std::int64_t NumberOr(const Json& json, const char* name, std::int64_t otherwise) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

bool IsTrue(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

std::optional<std::string> OptionalString(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

}  // namespace veneer
