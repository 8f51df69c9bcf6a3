// Bell: rung by any thread where there is news, waited for by one that runs the sockets. It is not
// missed where it rings while nobody waits: the next wait is over at once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "api/http/wire.h"

namespace veneer::api {

class Bell {
 public:
  enum class Heard : std::uint8_t { kRing, kNothing };

  explicit Bell(const asio::any_io_executor& executor);

  // In the thread of the sockets.
  void Ring();

  // Rings it, from any thread. To be called and let go while the sockets' context is there.
  [[nodiscard]] std::function<void()> Ringer() const;

  // For so long at most.
  Task<Heard> Wait(std::chrono::milliseconds most);

 private:
  struct State {
    explicit State(const asio::any_io_executor& executor) : timer(executor) {}
    void Ring();

    asio::steady_timer timer;
    bool rung = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace veneer::api
