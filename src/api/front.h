// Front: what is decided about a request before and behind its handler. Pure, but for the handler.
#pragma once

#include <string>
#include <variant>

#include "api/guard.h"
#include "api/message.h"
#include "api/router.h"
#include "api/service.h"

namespace veneer::api {

// What stands before a body.
struct Head {
  std::string method{};  // HEAD is looked at as GET
  std::string target{};
  Credentials credentials{};
  std::string content_type{};
  std::string idempotency_key{};
  std::string last_event_id{};
  std::string protocols{};  // of a WebSocket that is wanted: a list with commas
};

struct Admitted {
  const Route* route = nullptr;
  std::string object{};
  Request request{};  // without its body
};

// The route of a request that may be made, or its refusal. In this order: strangers, paths that
// make no sense, the token, the table.
std::variant<Admitted, Response> Admit(const Door& door, const Head& head);

// Runs the handler; an error becomes a problem. Blocks as the handler does. Throws nothing.
Response Answer(const Admitted& admitted, Service& service);

}  // namespace veneer::api
