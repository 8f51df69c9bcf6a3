// BodyReader: the JSON object in a request's body, read strictly.
//
// Total. Refused as kUsage: what is no JSON object, a member that stands twice or is unknown, more
// than 8 levels, a value of another type, text with control characters or over 255 bytes (but for
// what is called data).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace veneer::api {

class BodyReader {
 public:
  // `known`: the members that it may have. An empty text is an empty object.
  static Result<BodyReader> Of(std::string_view text,
                               std::initializer_list<std::string_view> known);

  [[nodiscard]] Result<std::string> Text(std::string_view name) const;
  // Nothing where there is none.
  [[nodiscard]] Result<std::optional<std::string>> OptionalText(std::string_view name) const;
  // A whole number of 1 or more, below 2^63.
  [[nodiscard]] Result<std::optional<std::uint64_t>> OptionalNumber(std::string_view name) const;
  [[nodiscard]] Result<std::optional<Bytes>> OptionalSize(std::string_view name) const;
  [[nodiscard]] Result<std::optional<bool>> OptionalFlag(std::string_view name) const;

  // What programs are given may be of any length and have any characters but NUL.
  [[nodiscard]] Result<std::optional<std::string>> OptionalData(std::string_view name) const;
  // Of an array: at least one.
  [[nodiscard]] Result<std::vector<std::string>> DataList(std::string_view name) const;
  // Of an object: "NAME=value"; none where it is missing.
  [[nodiscard]] Result<std::vector<std::string>> Variables(std::string_view name) const;

 private:
  explicit BodyReader(std::shared_ptr<const nlohmann::json> json) : json_(std::move(json)) {}

  std::shared_ptr<const nlohmann::json> json_;
};

}  // namespace veneer::api
