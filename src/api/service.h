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
#include "api/step_log.h"
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
  Service(const Host& host, const Shared& shared)
      : shared_(shared),
        log_(host.log, shared.events, shared.metrics, host.now),
        host_{.catalog = host.catalog,
              .backends = host.backends,
              .vmm = host.vmm,
              .layout = host.layout,
              .log = log_,
              .reserve = host.reserve,
              .now = host.now,
              .boot_id = host.boot_id,
              .collect = host.collect} {}
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() = default;

  [[nodiscard]] const Host& host() const { return host_; }
  [[nodiscard]] const Settings& settings() const { return shared_.settings; }
  [[nodiscard]] const IdempotencyKeys& keys() const { return shared_.keys; }
  [[nodiscard]] EventBus& events() const { return shared_.events; }
  [[nodiscard]] Metrics& metrics() const { return shared_.metrics; }

 private:
  Shared shared_;
  StepLog log_;
  Host host_;  // the caller's, but for the log
};

// All of it: path, method, handler.
const std::vector<Route>& Routes();

// The OpenAPI document, as /openapi.json serves it.
std::string_view OpenApi();

}  // namespace veneer::api
