// Operation: tells of a request that changes something, when it begins and how it ends: as events,
// and in the metrics.
//
//   {"at":…,"number":7,"verb":"pause","object":"web","phase":"began"}
//   {"at":…,"number":7,"verb":"pause","object":"web","phase":"ended","outcome":"done","took_ms":8.3,
//    "result":{…}}
//
// "object" is what the path names: empty where something new is made. "outcome" is "done" or the
// kind of the error; "result" what was answered, where that is short.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/message.h"
#include "api/service.h"
#include "base/result.h"

namespace veneer::api {

class Operation {
 public:
  // Tells that it begins.
  Operation(Service& service, std::string_view verb, const std::string& object);

  void Ended(const Result<Response>& result) const;

 private:
  [[nodiscard]] std::string Beginning(std::string_view phase) const;

  Service& service_;
  std::string_view verb_;
  const std::string& object_;
  std::uint64_t number_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace veneer::api
