#include "api/front.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "api/operation.h"
#include "api/page.h"
#include "api/problem.h"
#include "sandbox/recover.h"

namespace veneer::api {
namespace {

std::optional<Method> MethodNamed(std::string_view name) {
  if (name == "HEAD") return Method::kGet;
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete}) {
    if (MethodName(method) == name) return method;
  }
  return std::nullopt;
}

Response NoSuchPath() {
  return ProblemOf(
      {ErrorKind::kNotFound, 0, "there is nothing at this path", "the paths are in /openapi.json"});
}

Routed Find(Method method, const Target& target) {
  Routed routed = FindRoute(Routes(), method, target.segments);
  if (routed.route != nullptr || !routed.allowed.empty()) return routed;
  return FindRoute(PageRoutes(), method, target.segments);
}

// Methods that are in no row of the table are refused as the path's own would be.
std::variant<Admitted, Response> Choose(const Door& door, const Head& head, Target target) {
  const auto method = MethodNamed(head.method);
  Routed routed = Find(method.value_or(Method::kGet), target);
  const Access access = routed.route != nullptr ? routed.route->access : Access::kTrusted;
  Credentials credentials = head.credentials;
  const bool streams = routed.route != nullptr && routed.route->reply == Reply::kCommand;
  if (streams && credentials.authorization.empty()) {
    credentials.authorization = AuthorizationIn(head.protocols);
  }
  if (auto refusal = RefuseWithoutToken(door, access, credentials)) return *refusal;
  if (routed.route == nullptr && routed.allowed.empty()) return NoSuchPath();
  if (routed.route == nullptr || !method) {
    if (routed.route != nullptr) routed.allowed.push_back(routed.route->method);
    return MethodNotAllowed(routed.allowed);
  }
  const Result<void> known = RequireKnownQuery(*routed.route, target);
  if (!known) return ProblemOf(known.error());
  return Admitted{.route = routed.route,
                  .object = std::move(routed.object),
                  .request = {.method = *method,
                              .target = std::move(target),
                              .content_type = head.content_type,
                              .idempotency_key = head.idempotency_key,
                              .last_event_id = head.last_event_id}};
}

bool IsJson(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; "));
  return type == "application/json";
}

Error ErrorOf(const std::exception& exception) {
  // Only what no code expects: out of memory, a defect in a library.
  return {ErrorKind::kFailed, 0, exception.what(), ""};
}

Result<Response> Handle(const Route& route, const Call& call) {
  try {
    return route.handler(call);
  } catch (const std::exception& exception) {
    return Fail(ErrorOf(exception));
  }
}

// An answer that is given again tells of nothing new: no event does either.
Result<Response> Change(const Route& route, const Call& call) {
  if (auto again = call.service.keys().Answered(call.request)) return *std::move(again);
  VENEER_TRY(Recover(call.service.host(), RecoverScope::kQuick));
  const Operation operation(call.service, route.verb, call.object);
  auto response = Handle(route, call);
  operation.Ended(response);
  return response;
}

}  // namespace

std::variant<Admitted, Response> Admit(const Door& door, const Head& head) {
  if (auto refusal = RefuseStranger(door, head.credentials)) return *refusal;
  auto target = DecodeTarget(head.target);
  if (!target) return ProblemOf(target.error());
  return Choose(door, head, *std::move(target));
}

Response Answer(const Admitted& admitted, Service& service) {
  const Request& request = admitted.request;
  if (!request.body.empty() && !IsJson(request.content_type)) return NotJson();
  const Call call{.request = request, .object = admitted.object, .service = service};
  try {
    const auto response = admitted.route->lane == Lane::kChange ? Change(*admitted.route, call)
                                                                : Handle(*admitted.route, call);
    return response ? *response : ProblemOf(response.error());
  } catch (const std::exception& exception) {
    return ProblemOf(ErrorOf(exception));
  }
}

}  // namespace veneer::api
