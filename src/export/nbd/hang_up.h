// Clients that hang up while replies are on their way to them.
//
// nbdkit before 1.34 (Debian 12 has 1.32) then asserts in a thread of that one connection and ends
// with all others: "server: Don't assert on send if client hangs up early", a VMM that is killed is
// enough. Where the disk's process is ours, that thread is put aside instead, for ever, with what
// its connection has; the client is gone anyway.
//
//   nbdkit: worker ── our callback ──> reply ──> assert ──> SIGABRT ──> put aside
//
// Any other abort, in our code or in a library, ends the process as ever.
#pragma once

#include <functional>

namespace veneer {

// What a thread of nbdkit does at the moment: serves a request of a connection, in our code, until
// this is destroyed.
class InRequest {
 public:
  // `gone` is called, once at most, if the thread is put aside later. It outlives the thread's work
  // for this connection.
  explicit InRequest(const std::function<void()>& gone);
  InRequest(const InRequest&) = delete;
  InRequest& operator=(const InRequest&) = delete;
  ~InRequest();
};

// From now on, in this process. Nothing where the nbdkit that this was built for needs none of it.
void SurviveHangUps();

}  // namespace veneer
