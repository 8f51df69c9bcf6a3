#include "api/page.h"

#include <array>
#include <string>
#include <utility>

#include "api/embedded.h"
#include "api/service.h"

namespace veneer::api {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// By the end of the name. What has none of these is no file of the page.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes{
    {{".html", "text/html; charset=utf-8"},
     {".css", "text/css; charset=utf-8"},
     {".js", "text/javascript; charset=utf-8"},
     {".svg", "image/svg+xml"}}};

std::string_view TypeOf(std::string_view name) {
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return {};
}

Result<Response> Index(const Call& /*call*/) { return PageFile("index.html"); }

Result<Response> Asset(const Call& call) { return PageFile(call.object); }

}  // namespace

Result<Response> PageFile(std::string_view name) {
  const std::string_view type = TypeOf(name);
  const std::string_view contents = EmbeddedFile(name);
  if (type.empty() || contents.empty()) {
    return Fail(ErrorKind::kNotFound, "the page has no such file", "the page is at /");
  }
  return Response{.content_type = std::string(type),
                  .body = std::string(contents),
                  .headers = {{"Content-Security-Policy", std::string(kPolicy)},
                              {"Cross-Origin-Opener-Policy", "same-origin"},
                              {"Cross-Origin-Resource-Policy", "same-origin"},
                              {"Referrer-Policy", "no-referrer"}}};
}

const std::vector<Route>& PageRoutes() {
  static const std::vector<Route> routes = [] {
    std::vector<Route> all;
    for (const std::string_view path : {"/", "/test"}) {
      all.push_back({.pattern = path, .handler = Index, .access = Access::kAnybody});
    }
    all.push_back({.pattern = "/page/{file}", .handler = Asset, .access = Access::kAnybody});
    return all;
  }();
  return routes;
}

}  // namespace veneer::api
