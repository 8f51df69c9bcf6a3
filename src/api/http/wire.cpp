#include "api/http/wire.h"

#include <utility>

namespace veneer::api {
namespace {

std::string TextOf(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Wire Render(Response response, KeepAlive keep_alive) {
  Wire wire{http::int_to_status(response.status), 11};
  wire.set(http::field::server, "veneer/" VENEER_VERSION);
  wire.set(http::field::content_type, response.content_type);
  wire.set(http::field::cache_control, "no-store");
  wire.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  wire.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) wire.set(name, value);
  wire.keep_alive(keep_alive == KeepAlive::kYes);
  wire.body() = std::move(response.body);
  wire.prepare_payload();
  return wire;
}

std::string RenderText(Response response) {
  const Wire wire = Render(std::move(response), KeepAlive::kNo);
  std::string text =
      "HTTP/1.1 " + std::to_string(wire.result_int()) + " " + TextOf(wire.reason()) + "\r\n";
  for (const auto& field : wire) {
    text += TextOf(field.name_string()) + ": " + TextOf(field.value()) + "\r\n";
  }
  return text + "\r\n" + wire.body();
}

Head HeadOf(const Parser& parser) {
  const auto& message = parser.get();
  Head head{.method = TextOf(message.method_string()),
            .target = TextOf(message.target()),
            .content_type = TextOf(message[http::field::content_type]),
            .idempotency_key = TextOf(message["Idempotency-Key"])};
  const auto [first, last] = message.equal_range(http::field::host);
  for (auto at = first; at != last; ++at) head.credentials.hosts.push_back(TextOf(at->value()));
  const auto origin = message.find(http::field::origin);
  if (origin != message.end()) head.credentials.origin = TextOf(origin->value());
  head.last_event_id = TextOf(message["Last-Event-ID"]);
  head.protocols = TextOf(message[http::field::sec_websocket_protocol]);
  head.credentials.authorization = TextOf(message[http::field::authorization]);
  return head;
}

}  // namespace veneer::api
