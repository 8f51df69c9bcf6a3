#include "api/http/bell.h"

#include <boost/asio/post.hpp>

namespace veneer::api {

Bell::Bell(const asio::any_io_executor& executor) : state_(std::make_shared<State>(executor)) {}

void Bell::State::Ring() {
  rung = true;
  timer.cancel();
}

void Bell::Ring() { state_->Ring(); }

std::function<void()> Bell::Ringer() const {
  return [state = state_, executor = state_->timer.get_executor()] {
    asio::post(executor, [state] { state->Ring(); });
  };
}

Task<Bell::Heard> Bell::Wait(std::chrono::milliseconds most) {
  if (!state_->rung) {
    state_->timer.expires_after(most);
    co_await state_->timer.async_wait(kAwait);
  }
  const Heard heard = state_->rung ? Heard::kRing : Heard::kNothing;
  state_->rung = false;
  co_return heard;
}

}  // namespace veneer::api
