// What the API's handlers get and give: HTTP without its wire format. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/target.h"
#include "base/result.h"

namespace veneer::api {

enum class Method : std::uint8_t { kGet, kPost, kPut, kDelete };

// "GET", …
std::string_view MethodName(Method method);

struct Request {
  Method method = Method::kGet;
  Target target{};
  std::string content_type{};
  std::string idempotency_key{};  // empty: none was given
  std::string last_event_id{};    // empty: none was given
  std::string body{};             // JSON, or empty
  int upload = -1;                // an open file with the body of a route that takes any bytes
  // Fails once nobody waits for the answer any more; any thread may ask. May be empty.
  std::function<Result<void>()> wanted{};
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

}  // namespace veneer::api
