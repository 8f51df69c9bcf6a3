// What is remembered of a request with an idempotency key: a file of one line of JSON.
//
// Encoding and decoding; the decoder is total (kCorrupt).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace veneer::api {

struct KeyRecord {
  std::string fingerprint;              // of the request: SHA-256 of method, path and body
  std::vector<std::string> ids;         // that what it makes has, or is to have
  std::optional<std::string> answer{};  // nothing while it is at work, or died at it
};

std::string EncodeKeyRecord(const KeyRecord& record);
Result<KeyRecord> DecodeKeyRecord(std::string_view text);

}  // namespace veneer::api
