// `veneer daemon`: the HTTP API on a state directory, until it is told to stop.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

struct DaemonArguments {
  std::vector<std::string> listen{};  // none: what the service manager gives, or RUN/api.sock
  std::optional<std::string> import_directory{};
  std::optional<std::string> token_file{};  // ROOT/api.token
  std::string reserve = "5%";
  std::optional<std::string> hold_below{};  // two fifths of the reserve
  std::string upload_limit = "64G";
  std::size_t connections = 512;
  unsigned patience = 30;  // seconds, as is the next
  unsigned watch = 5;      // between two looks of the watchers
};

// Blocks until SIGTERM, SIGINT or SIGHUP; then lets operations finish. Disks stay attached.
// kConflict: a daemon works on this state directory already, or an address is taken.
Result<int> RunDaemon(const GlobalOptions& options, const DaemonArguments& arguments);

}  // namespace veneer
