// The bodies of requests, decoded. Total; kUsage with what is wrong and where the schemas are.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "sandbox/backend_set.h"
#include "sandbox/lifecycle.h"

namespace veneer::api {

// {"template", "name"?, "size"?, "backend"?, "export"?, "boot"?}; with "boot": "memory"?, "cpus"?,
// "net"?
Result<CreateRequest> DecodeCreate(std::string_view body);

// {"backend"?}
Result<std::optional<BackendChoice>> DecodeResume(std::string_view body);

// {"count"?}: 1 where it is missing.
Result<unsigned> DecodeFork(std::string_view body);

// {"name"}
Result<std::string> DecodeSnapshot(std::string_view body);

struct ImportBody {
  std::string name;
  std::string file;  // in the import directory; one name, never a path
  std::optional<Bytes> size;
};
// {"name", "file", "size"?}
Result<ImportBody> DecodeImport(std::string_view body);

// {}
Result<void> DecodeNothing(std::string_view body);

}  // namespace veneer::api
