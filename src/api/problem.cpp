#include "api/problem.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error_hint.h"

namespace veneer::api {
namespace {

struct Problem {
  unsigned status = 500;
  std::string_view kind;
  std::string_view title;
};

constexpr Problem kUnauthorized{401, "unauthorized", "Not authorized"};
constexpr Problem kForbidden{403, "forbidden", "Refused"};
constexpr Problem kNoMethod{405, "method_not_allowed", "No such method here"};
constexpr Problem kTooLong{413, "too_large", "Too large"};
constexpr Problem kMediaType{415, "media_type", "Not JSON"};
constexpr Problem kMisdirected{421, "misdirected", "Not this host"};
constexpr Problem kUpgrade{426, "upgrade_required", "A WebSocket is needed"};
constexpr Problem kHeaders{431, "headers_too_large", "Headers too large"};
constexpr Problem kBusy{503, "unavailable", "Too much to do"};

Problem ProblemFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return {400, KindName(kind), "The request makes no sense"};
    case ErrorKind::kNotFound:
      return {404, KindName(kind), "No such object"};
    case ErrorKind::kConflict:
      return {409, KindName(kind), "Conflict"};
    case ErrorKind::kNoSpace:
      return {507, KindName(kind), "Out of space, or over a limit"};
    case ErrorKind::kCorrupt:
      return {422, KindName(kind), "Corrupt or mismatched data"};
    case ErrorKind::kUnsupported:
      return {501, KindName(kind), "Not supported here"};
    case ErrorKind::kFailed:
      break;
  }
  return {500, KindName(ErrorKind::kFailed), "Failed"};
}

Response Render(const Problem& problem, std::string_view detail, std::string_view hint) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["type"] = fmt::format("urn:veneer:problem:{}", problem.kind);
  json["title"] = problem.title;
  json["status"] = problem.status;
  json["detail"] = detail;
  json["kind"] = problem.kind;
  json["hint"] = hint;
  return {.status = problem.status,
          .content_type = "application/problem+json",
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

}  // namespace

unsigned StatusOf(ErrorKind kind) { return ProblemFor(kind).status; }

Response ProblemOf(const Error& error) {
  const bool unclear = error.kind == ErrorKind::kUsage && error.hint.empty();
  return Render(ProblemFor(error.kind), error.what, unclear ? "see /openapi.json" : HintOf(error));
}

Response Unauthorized() {
  Response response = Render(kUnauthorized, "the request has no valid token",
                             "send 'Authorization: Bearer TOKEN' with what the token file holds");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"veneer\"");
  return response;
}

Response ForeignOrigin() {
  return Render(kForbidden, "the request comes from a page of another origin",
                "use the daemon's own page, or a program that sends no Origin");
}

Response Misdirected() {
  return Render(kMisdirected, "the request's Host is none of this daemon's names",
                "use the address that the daemon listens at, or localhost with its port");
}

Response MethodNotAllowed(const std::vector<Method>& allowed) {
  std::vector<std::string_view> names;
  for (const Method method : allowed) {
    names.push_back(MethodName(method));
    if (method == Method::kGet) names.emplace_back("HEAD");
  }
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  Response response =
      Render(kNoMethod, "the path has no such method", fmt::format("it has {}", list));
  response.headers.emplace_back("Allow", list);
  return response;
}

Response BodyTooLong(std::string_view limit) {
  return Render(kTooLong, fmt::format("the request's body is larger than {}", limit), "send less");
}

Response NotJson() {
  return Render(kMediaType, "the request's body is not said to be JSON",
                "send 'Content-Type: application/json'");
}

Response HeadersTooLong() {
  return Render(kHeaders, "the request's headers are too long", "send fewer and shorter ones");
}

Response UpgradeRequired() {
  Response response = Render(kUpgrade, "this path speaks WebSocket",
                             "connect to it as one, or POST the command and wait for its end");
  response.headers.emplace_back("Upgrade", "websocket");
  return response;
}

Response Malformed(std::string_view what) {
  return Render(ProblemFor(ErrorKind::kUsage), what, "see /openapi.json");
}

Response Unavailable(std::string_view what) {
  Response response = Render(kBusy, what, "try again in a moment");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace veneer::api
