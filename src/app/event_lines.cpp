#include "app/event_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/output.h"
#include "backend/json_fields.h"

namespace veneer {
namespace {

using Json = nlohmann::json;

// Of an operation or of one of its steps.
std::string WorkText(const Json& data) {
  const std::string step = StringOr(data, "step", "");
  const std::string what =
      fmt::format("{} {}{}{}", StringOr(data, "verb", "?"), StringOr(data, "object", ""),
                  step.empty() ? "" : ": ", step);
  if (StringOr(data, "phase", "") == "began") return what + ": began";
  const auto took = data.find("took_ms");
  const double milliseconds = took != data.end() && took->is_number() ? took->get<double>() : 0;
  const std::string detail = StringOr(data, "detail", "");
  return fmt::format("{}: {} in {:.1f} ms{}{}", what, StringOr(data, "outcome", "?"), milliseconds,
                     detail.empty() ? "" : ": ", detail);
}

std::string Text(const std::string& type, const Json& data) {
  std::string text = type;
  if (type == "operation" || type == "step") text = WorkText(data);
  if (type == "watch") {
    text = fmt::format("{} {}: {}", StringOr(data, "watch", "?"), StringOr(data, "object", "?"),
                       StringOr(data, "detail", "?"));
  }
  if (type == "missed") text = "some events before this are gone";
  const std::string at = StringOr(data, "at", "");
  return OneLine(at.empty() ? text : at + "  " + text) + "\n";
}

}  // namespace

std::optional<std::string> EventLines::Take(std::string_view line, OutputStyle style) {
  const std::size_t colon = line.find(": ");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 2);
  if (name == "id") id_ = value;
  if (name == "event") type_ = value;
  if (name == "data") data_ = value;
  if (!line.empty() || type_.empty()) return std::nullopt;
  Json data = ParseObjectOrNull(data_);
  if (data.is_null()) data = Json::object();
  std::string printed = Text(type_, data);
  if (style == OutputStyle::kJson) {
    const nlohmann::ordered_json json{{"id", id_}, {"event", type_}, {"data", std::move(data)}};
    printed = RenderJson(json);
  }
  *this = {};
  return printed;
}

}  // namespace veneer
