// Members of JSON objects that came from a file or a socket: never trusted, always with something
// to go on with. Total; no exceptions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace veneer {

// Null where the text is no JSON object.
nlohmann::json ParseObjectOrNull(std::string_view text);

// One line. Paths are bytes and JSON is UTF-8: what is not is replaced rather than thrown at.
std::string DumpLine(const nlohmann::json& json);

std::string StringOr(const nlohmann::json& json, const char* name, std::string otherwise);
std::int64_t NumberOr(const nlohmann::json& json, const char* name, std::int64_t otherwise);
bool IsTrue(const nlohmann::json& json, const char* name);
std::optional<std::string> OptionalString(const nlohmann::json& json, const char* name);

// The text, or null.
nlohmann::json OrNull(const std::optional<std::string>& text);

}  // namespace veneer
