#include "api/key_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "backend/json_fields.h"
#include "catalog/ids.h"

namespace veneer::api {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> NoRecord() {
  return Fail(ErrorKind::kCorrupt, "the record of an idempotency key is damaged",
              "use another key; 'veneer ls' tells what the request has made");
}

// Nothing where it is no list of ids.
std::optional<std::vector<std::string>> IdsIn(const Json& json) {
  const auto found = json.find("ids");
  if (found == json.end() || !found->is_array()) return std::nullopt;
  std::vector<std::string> ids;
  for (const Json& each : *found) {
    const std::string id = each.is_string() ? each.get<std::string>() : "";
    if (!IsId(id, kSandboxPrefix) && !IsId(id, kTemplatePrefix)) return std::nullopt;
    ids.push_back(id);
  }
  return ids;
}

}  // namespace

std::string EncodeKeyRecord(const KeyRecord& record) {
  return DumpLine({{"fingerprint", record.fingerprint},
                   {"ids", record.ids},
                   {"answer", OrNull(record.answer)}}) +
         "\n";
}

Result<KeyRecord> DecodeKeyRecord(std::string_view text) {
  const Json json = ParseObjectOrNull(text);
  if (json.is_null()) return NoRecord();
  auto ids = IdsIn(json);
  KeyRecord record{.fingerprint = StringOr(json, "fingerprint", ""),
                   .ids = std::move(ids).value_or(std::vector<std::string>()),
                   .answer = OptionalString(json, "answer")};
  if (record.fingerprint.empty() || record.ids.empty()) return NoRecord();
  return record;
}

}  // namespace veneer::api
