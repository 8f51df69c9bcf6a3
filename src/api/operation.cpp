#include "api/operation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error_hint.h"
#include "sandbox/json_views.h"

namespace veneer::api {
namespace {

constexpr std::size_t kLongestResult = std::size_t{4} << 10U;

std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

// Answers are one line of JSON.
std::string ResultOf(const Response& response) {
  if (response.body.size() > kLongestResult || response.body.empty()) return "";
  return fmt::format(R"(,"result":{})",
                     std::string_view(response.body).substr(0, response.body.size() - 1));
}

}  // namespace

Operation::Operation(Service& service, std::string_view verb, const std::string& object)
    : service_(service),
      verb_(verb),
      object_(object),
      number_(service.events().NewNumber()),
      began_(std::chrono::steady_clock::now()) {
  service_.events().Publish("operation", Beginning("began") + "}");
}

std::string Operation::Beginning(std::string_view phase) const {
  return fmt::format(R"({{"at":"{}","number":{},"verb":"{}","object":{},"phase":"{}")",
                     FormatTimestamp(service_.host().now()), number_, verb_, Quoted(object_),
                     phase);
}

void Operation::Ended(const Result<Response>& result) const {
  const auto took = std::chrono::steady_clock::now() - began_;
  const std::string_view outcome = result ? "done" : KindName(result.error().kind);
  service_.metrics().NoteOperation(verb_, outcome, took);
  service_.events().Publish(
      "operation",
      fmt::format(R"({},"outcome":"{}","took_ms":{:.3f}{}}})", Beginning("ended"), outcome,
                  std::chrono::duration<double, std::milli>(took).count(),
                  result ? ResultOf(*result)
                         : fmt::format(R"(,"detail":{},"hint":{})", Quoted(result.error().what),
                                       Quoted(HintOf(result.error())))));
}

}  // namespace veneer::api
