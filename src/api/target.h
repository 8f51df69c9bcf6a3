// The target of a request, "/v1/sandboxes/web?force=true", taken apart.
//
// Pure and total. Percent signs are decoded; afterwards every byte is printable ASCII. No segment
// is empty, "." or "..", or holds a "/": a target cannot mean anything but one path of the table.
// No name stands twice in the query.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace veneer::api {

struct Target {
  std::vector<std::string> segments{};  // none for "/"
  std::map<std::string, std::string, std::less<>> query{};
};

// kUsage where it is anything else.
Result<Target> DecodeTarget(std::string_view text);

}  // namespace veneer::api
