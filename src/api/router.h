// Router: which handler is for a method and a path. Pure; the table is given.
//
// A pattern is a path whose part "{id}" or "{name}" stands for any one part; it has at most one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/result.h"

namespace veneer::api {

class Service;

// Where a handler runs.
enum class Lane : std::uint8_t {
  kLook,    // among those that only look
  kChange,  // among those that may take long; what killed commands have left is ended first
  kRun,     // among commands in machines, which take as long as they like
};

enum class Access : std::uint8_t {
  kAnybody,  // who reaches the socket
  kTrusted,  // over TCP, who has the token
};

enum class BodyKind : std::uint8_t { kNone, kJson, kUpload };

enum class Reply : std::uint8_t {
  kOnce,
  kEvents,   // all that happens, as it happens; its handler is for HEAD alone
  kCommand,  // a command over a WebSocket; its handler is for those who speak none
};

struct Call {
  const Request& request;
  const std::string& object;  // what stands in the place of "{id}" or "{name}"
  Service& service;
};

using Handler = Result<Response> (*)(const Call& call);

struct Route {
  Method method = Method::kGet;
  std::string_view pattern;
  Handler handler = nullptr;
  Lane lane = Lane::kLook;
  BodyKind body = BodyKind::kNone;
  Access access = Access::kTrusted;
  std::vector<std::string_view> query{};  // names that its query may have
  std::string_view verb{};                // what it does, for events and metrics: "create"
  Reply reply = Reply::kOnce;
};

struct Routed {
  const Route* route = nullptr;
  std::string object{};
  std::vector<Method> allowed{};  // where there is no route: the methods of that path
};

Routed FindRoute(const std::vector<Route>& routes, Method method,
                 const std::vector<std::string>& segments);

// kUsage where the query has a name that the route does not know.
Result<void> RequireKnownQuery(const Route& route, const Target& target);

}  // namespace veneer::api
