#include "api/body_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace veneer::api {
namespace {

using Json = nlohmann::json;

constexpr int kMostLevels = 8;
constexpr std::size_t kLongestText = 255;

std::unexpected<Error> BadBody(std::string what) {
  return Fail(ErrorKind::kUsage, std::move(what), "the schemas are in /openapi.json");
}

// Before the parser, which would build all of them.
bool IsShallow(std::string_view text) {
  int level = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size() && level <= kMostLevels; ++at) {
    const char c = text[at];
    if (quoted && c == '\\') ++at;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '{' || c == '[') ++level;
    if (c == '}' || c == ']') --level;
  }
  return level <= kMostLevels;
}

// JSON lets a name stand twice; two readers could then understand two things.
Result<Json> Parse(std::string_view text) {
  std::set<std::string> names;
  bool twice = false;
  const Json::parser_callback_t note = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::key && depth == 1) {
      twice = !names.insert(value.get<std::string>()).second || twice;
    }
    return true;
  };
  Json json = Json::parse(text, note, false);
  if (!json.is_object()) return BadBody("the request's body is no JSON object");
  if (twice) return BadBody("the request's body has a member twice");
  return json;
}

// As much of a value as a message can hold.
std::string Shown(const Json& value) {
  constexpr std::size_t kMost = 40;
  return value.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, kMost);
}

bool IsPlain(const std::string& text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; };
  return text.size() <= kLongestText && std::ranges::none_of(text, is_control);
}

Result<std::string> DataIn(const Json& value, std::string_view name) {
  if (!value.is_string()) return BadBody(fmt::format("{} is no text", name));
  auto text = value.get<std::string>();
  if (text.contains('\0')) return BadBody(fmt::format("{} has a NUL in it", name));
  return text;
}

}  // namespace

Result<BodyReader> BodyReader::Of(std::string_view text,
                                  std::initializer_list<std::string_view> known) {
  if (text.empty()) return BodyReader(std::make_shared<const Json>(Json::object()));
  if (!IsShallow(text)) return BadBody("the request's body is nested too deeply");
  Json json = VENEER_TRY(Parse(text));
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(known, std::string_view(name)) == known.end()) {
      return Fail(ErrorKind::kUsage,
                  "the request's body has an unknown member: " + Json(name).dump(),
                  known.size() == 0 ? "this request takes none"
                                    : fmt::format("known are: {}", fmt::join(known, ", ")));
    }
  }
  return BodyReader(std::make_shared<const Json>(std::move(json)));
}

Result<std::optional<std::string>> BodyReader::OptionalText(std::string_view name) const {
  const auto found = json_->find(name);
  if (found == json_->end()) return std::nullopt;
  if (!found->is_string()) return BadBody(fmt::format("{} is no text", name));
  auto text = found->get<std::string>();
  if (!IsPlain(text)) {
    return BadBody(fmt::format("{} is too long, or has control characters", name));
  }
  return text;
}

Result<std::string> BodyReader::Text(std::string_view name) const {
  const auto text = VENEER_TRY(OptionalText(name));
  if (!text) return BadBody(fmt::format("the request's body lacks {}", name));
  return *text;
}

Result<std::optional<std::uint64_t>> BodyReader::OptionalNumber(std::string_view name) const {
  const auto found = json_->find(name);
  if (found == json_->end()) return std::nullopt;
  const bool whole = found->is_number_unsigned();
  const std::uint64_t number = whole ? found->get<std::uint64_t>() : 0;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number == 0 || number > kMost) {
    return BadBody(fmt::format("{} is no whole number of 1 or more: {}", name, Shown(*found)));
  }
  return number;
}

Result<std::optional<Bytes>> BodyReader::OptionalSize(std::string_view name) const {
  const auto number = VENEER_TRY(OptionalNumber(name));
  if (!number) return std::nullopt;
  return Bytes(*number);
}

Result<std::optional<bool>> BodyReader::OptionalFlag(std::string_view name) const {
  const auto found = json_->find(name);
  if (found == json_->end()) return std::nullopt;
  if (!found->is_boolean()) return BadBody(fmt::format("{} is neither true nor false", name));
  return found->get<bool>();
}

Result<std::optional<std::string>> BodyReader::OptionalData(std::string_view name) const {
  const auto found = json_->find(name);
  if (found == json_->end()) return std::nullopt;
  return VENEER_TRY(DataIn(*found, name));
}

Result<std::vector<std::string>> BodyReader::DataList(std::string_view name) const {
  const auto found = json_->find(name);
  const bool is_list = found != json_->end() && found->is_array() && !found->empty();
  if (!is_list) return BadBody(fmt::format("{} is no list of at least one text", name));
  std::vector<std::string> texts;
  for (const Json& each : *found) texts.push_back(VENEER_TRY(DataIn(each, name)));
  return texts;
}

Result<std::vector<std::string>> BodyReader::Variables(std::string_view name) const {
  std::vector<std::string> variables;
  const auto found = json_->find(name);
  if (found == json_->end()) return variables;
  if (!found->is_object()) return BadBody(fmt::format("{} is no object", name));
  for (const auto& [key, value] : found->items()) {
    const bool is_name =
        !key.empty() && key.find_first_of(std::string_view("=\0", 2)) == std::string::npos;
    if (!is_name) return BadBody(fmt::format("{} has a member that names no variable", name));
    variables.push_back(key + "=" + VENEER_TRY(DataIn(value, name)));
  }
  return variables;
}

}  // namespace veneer::api
