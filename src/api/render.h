// Answers in JSON. Only the handlers include this.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/paging.h"
#include "api/router.h"
#include "api/service.h"
#include "sandbox/json_views.h"

namespace veneer::api {

inline Response JsonResponse(unsigned status, const nlohmann::ordered_json& json) {
  return {
      .status = status,
      .body = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n"};
}

// Of a sandbox, a template, a snapshot.
template <class Record>
Result<Response> Show(const Host& host, unsigned status, const Record& record) {
  const JsonViews views = VENEER_TRY(JsonViews::Of(host.catalog, host.layout));
  return JsonResponse(status, views.Json(record));
}

// {"NAME":[…]}
template <class Record>
Result<nlohmann::ordered_json> ListJson(const Host& host, const char* name,
                                        const std::vector<Record>& records) {
  const JsonViews views = VENEER_TRY(JsonViews::Of(host.catalog, host.layout));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Record& each : records) list.push_back(views.Json(each));
  nlohmann::ordered_json json;
  json[name] = std::move(list);
  return json;
}

// {"NAME":[…],"next":CURSOR}
template <class Record>
Result<Response> ShowPage(const Call& call, const char* name, std::vector<Record> all) {
  const Paging paging = VENEER_TRY(PagingIn(call.request.target));
  const Page<Record> page = PageOf(std::move(all), paging);
  nlohmann::ordered_json json = VENEER_TRY(ListJson(call.service.host(), name, page.records));
  json["next"] = page.next ? nlohmann::ordered_json(*page.next) : nlohmann::ordered_json();
  return JsonResponse(200, json);
}

}  // namespace veneer::api
