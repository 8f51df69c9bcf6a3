// The table of all paths. src/api/openapi.json describes the same ones; a test compares them.
#include "api/embedded.h"
#include "api/handlers.h"
#include "api/service.h"

namespace veneer::api {
namespace {

Result<Response> Health(const Call& /*call*/) {
  return Response{.body = "{\"status\":\"ok\",\"version\":\"" VENEER_VERSION "\"}\n"};
}

Result<Response> Document(const Call& /*call*/) { return Response{.body = std::string(OpenApi())}; }

Result<Response> Prometheus(const Call& call) {
  const Figures figures = VENEER_TRY(LookUpFigures(call.service.host()));
  return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = call.service.metrics().Render(figures)};
}

// What a HEAD is answered: events themselves the server tells, for as long as somebody listens.
Result<Response> NoEvents(const Call& /*call*/) {
  return Response{.content_type = "text/event-stream"};
}

constexpr auto kGet = Method::kGet;
constexpr auto kPost = Method::kPost;
constexpr auto kPut = Method::kPut;
constexpr auto kDelete = Method::kDelete;
constexpr auto kLook = Lane::kLook;
constexpr auto kChange = Lane::kChange;
constexpr auto kNone = BodyKind::kNone;
constexpr auto kJson = BodyKind::kJson;
constexpr auto kTrusted = Access::kTrusted;

std::vector<Route> MakeRoutes() {
  return {
      {kGet, "/healthz", Health, kLook, kNone, Access::kAnybody, {}, ""},
      {kGet, "/openapi.json", Document, kLook, kNone, kTrusted, {}, ""},
      {kGet, "/metrics", Prometheus, kLook, kNone, kTrusted, {}, ""},
      {kGet, "/v1/templates", ListTemplates, kLook, kNone, kTrusted, {"limit", "after"}, ""},
      {kPost, "/v1/templates", ImportTemplate, kChange, kJson, kTrusted, {}, "import"},
      {kGet, "/v1/templates/{name}", GetTemplate, kLook, kNone, kTrusted, {}, ""},
      {kPut,
       "/v1/templates/{name}",
       UploadTemplate,
       kChange,
       BodyKind::kUpload,
       kTrusted,
       {"size"},
       "import"},
      {kDelete, "/v1/templates/{name}", RemoveTemplate, kChange, kNone, kTrusted, {}, "remove"},
      {kGet, "/v1/snapshots", ListSnapshots, kLook, kNone, kTrusted, {"limit", "after"}, ""},
      {kGet, "/v1/snapshots/{name}", GetSnapshot, kLook, kNone, kTrusted, {}, ""},
      {kDelete, "/v1/snapshots/{name}", RemoveSnapshot, kChange, kNone, kTrusted, {}, "remove"},
      {kGet, "/v1/sandboxes", ListSandboxes, kLook, kNone, kTrusted, {"limit", "after"}, ""},
      {kPost, "/v1/sandboxes", CreateSandbox, kChange, kJson, kTrusted, {}, "create"},
      {kGet, "/v1/sandboxes/{id}", GetSandbox, kLook, kNone, kTrusted, {}, ""},
      {kDelete,
       "/v1/sandboxes/{id}",
       DestroySandbox,
       kChange,
       kNone,
       kTrusted,
       {"force"},
       "destroy"},
      {kPost, "/v1/sandboxes/{id}/pause", PauseSandbox, kChange, kJson, kTrusted, {}, "pause"},
      {kPost, "/v1/sandboxes/{id}/resume", ResumeSandbox, kChange, kJson, kTrusted, {}, "resume"},
      {kPost, "/v1/sandboxes/{id}/fork", ForkSandbox, kChange, kJson, kTrusted, {}, "fork"},
      {kPost,
       "/v1/sandboxes/{id}/snapshots",
       SnapshotSandbox,
       kChange,
       kJson,
       kTrusted,
       {},
       "snapshot"},
      {kPost, "/v1/sandboxes/{id}/exec", ExecInSandbox, Lane::kRun, kJson, kTrusted, {}, ""},
      {kGet, "/v1/sandboxes/{id}/exec", NoStream, kLook, kNone, kTrusted, {}, "", Reply::kCommand},
      {kGet, "/v1/events", NoEvents, kLook, kNone, kTrusted, {}, "", Reply::kEvents},
  };
}

}  // namespace

const std::vector<Route>& Routes() {
  static const std::vector<Route> kRoutes = MakeRoutes();
  return kRoutes;
}

std::string_view OpenApi() { return EmbeddedFile("openapi.json"); }

}  // namespace veneer::api
