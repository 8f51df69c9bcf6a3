// `veneer events`: prints what happens at the daemon, as it happens.
#pragma once

#include <string>

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

struct EventsArguments {
  std::string connect{};  // the daemon's unix socket; RUN/api.sock where empty
  std::string after{};    // the id of the last event that was seen
};

// Until the daemon ends. kNotFound: there is none.
Result<int> RunEvents(const GlobalOptions& options, const EventsArguments& arguments);

}  // namespace veneer
