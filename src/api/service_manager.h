// The service manager's side of a daemon, by systemd's documented protocols: sd_listen_fds(3) and
// sd_notify(3). ADR 21 tells why not by its library.
//
// Both read the environment and take their part out of it, so that no program that is started later
// takes itself for the daemon: call them before the first thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer::api {

// The sockets that it has opened for this process; none without it.
std::vector<UniqueFd> TakeActivatedSockets();

class ServiceManager {
 public:
  // One that hears nothing where no service manager asked for news.
  static ServiceManager FromEnvironment();

  // "READY=1", "STOPPING=1", "STATUS=…". Nothing happens where nobody listens any more.
  void Tell(std::string_view news) const;

 private:
  explicit ServiceManager(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace veneer::api
