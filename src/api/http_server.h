// HttpServer: HTTP/1.1 on sockets (Boost.Beast on Asio; no files but its own and those of http/
// know them).
//
// One thread reads and writes; handlers run in the pools of workers. Every wait has a deadline and
// every size a limit: a client that is slow or silent is cut off, one connection too many gets a
// 503 and is closed. Serve blocks until `stop` is readable; then it takes no more requests, lets
// those that are under way finish, and returns.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "api/listener.h"
#include "api/service.h"
#include "api/token.h"
#include "api/worker_pool.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "images/space.h"

namespace veneer::api {

struct Limits {
  // An eighth of them is kept for unix sockets where the server has one.
  std::size_t connections = 512;
  Bytes headers = KiB(16);
  Bytes json = KiB(64);
  Bytes upload = GiB(64);
  // For a request's headers, and between two requests; for a body, of an upload for each 64 KiB;
  // for an answer.
  std::chrono::milliseconds patience = std::chrono::seconds(30);
};

class HttpServer {
 public:
  struct Parts {
    WorkerPool& looking;
    WorkerPool& changing;
    WorkerPool& running;  // commands: without a queue
    const Shared& shared;
    std::string upload_directory;
    SpaceReserve reserve;
    Limits limits{};
  };

  explicit HttpServer(const Parts& parts) : parts_(parts) {}

  // `token`: what TCP listeners ask for. `ending`: called when it begins to end; may be empty.
  Result<void> Serve(const std::vector<Listener>& listeners, const Token* token,
                     const UniqueFd& stop, const std::function<void()>& ending);

 private:
  Parts parts_;
};

}  // namespace veneer::api
