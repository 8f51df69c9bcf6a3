// Service: what handlers work with, and the table of all paths.
//
// One object for the daemon's life; the host is that of the thread that runs a handler. The
// handlers are in *_handlers.cpp: each decodes, calls one use case, and shows what came of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/event_bus.h"
#include "api/idempotency.h"
#include "api/metrics.h"
#include "api/router.h"
#include "sandbox/host.h"

namespace veneer::api {

struct Settings {
  std::optional<std::string> import_directory{};  // none: files cannot be imported by name
};

// What all threads have in common.
struct Shared {
  const Settings& settings;
  const IdempotencyKeys& keys;
  EventBus& events;
  Metrics& metrics;
};

// For one call.
class Service {
 public:
  Service(Host host, const Shared& shared) : host_(std::move(host)), shared_(shared) {}

  [[nodiscard]] const Host& host() const { return host_; }
  [[nodiscard]] const Settings& settings() const { return shared_.settings; }
  [[nodiscard]] const IdempotencyKeys& keys() const { return shared_.keys; }
  [[nodiscard]] EventBus& events() const { return shared_.events; }
  [[nodiscard]] Metrics& metrics() const { return shared_.metrics; }

 private:
  Host host_;
  Shared shared_;
};

// All of it: path, method, handler.
const std::vector<Route>& Routes();

// The OpenAPI document, as /openapi.json serves it.
std::string_view OpenApi();

}  // namespace veneer::api
