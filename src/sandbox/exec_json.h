// How the end of a command, and what it said, are shown to programs: the JSON of the command line
// and of the API.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "vm/exec.h"

namespace veneer {

// {"status":0,"signal":null,"timed_out":false,"dropped_bytes":0,"elapsed_ms":12.5}
nlohmann::ordered_json ExecEndJson(const ExecEnd& end);

// Text as it is, else {"base64":"…"}.
nlohmann::ordered_json OutputJson(const std::string& bytes);

}  // namespace veneer
