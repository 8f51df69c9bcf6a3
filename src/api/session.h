// Session: a state directory, opened for one thread.
#pragma once

#include "sandbox/host.h"

namespace veneer::api {

class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  [[nodiscard]] virtual Host host() = 0;
};

}  // namespace veneer::api
