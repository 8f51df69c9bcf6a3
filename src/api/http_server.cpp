#include "api/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <set>
#include <utility>

#include "api/http/conversation.h"
#include "api/http/wire.h"
#include "api/problem.h"

namespace veneer::api {
namespace {

using Acceptor = asio::basic_socket_acceptor<Protocol>;

// How long no connection is accepted where the process has no descriptor left.
constexpr std::chrono::milliseconds kBreath{50};
// What is read of one who is turned away, so that he gets to read why.
constexpr std::size_t kDropped = std::size_t{64} << 10U;

// Among those who talk, as long as this lives.
class Listed {
 public:
  Listed(std::set<Conversation*>& all, Conversation& one) : all_(all), one_(one) {
    all_.insert(&one_);
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { all_.erase(&one_); }

 private:
  std::set<Conversation*>& all_;
  Conversation& one_;
};

// One run of the server: its sockets, and who talks at them. One thread.
class Running {
 public:
  Running(const HttpServer::Parts& parts, const Token* token, const std::function<void()>& ending)
      : parts_(parts), token_(token), ending_(ending) {}

  Result<void> Add(const Listener& listener) {
    UniqueFd copy(::fcntl(listener.fd().get(), F_DUPFD_CLOEXEC, 0));
    if (!copy.valid()) return FailErrno(errno, "copy a descriptor");
    Acceptor& acceptor = acceptors_.emplace_back(context_);
    boost::system::error_code error;
    (void)acceptor.assign(Protocol(listener.family(), 0), copy.get(), error);
    if (error) return FailErrno(error.value(), fmt::format("listen at {}", listener.name()));
    (void)copy.Release();  // the acceptor closes it
    doors_.push_back({.hosts = listener.hosts(), .token = listener.is_tcp() ? token_ : nullptr});
    asio::co_spawn(context_, Accept(acceptor, doors_.back()), asio::detached);
    return {};
  }

  Result<void> Until(const UniqueFd& stop) {
    UniqueFd copy(::fcntl(stop.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy.valid()) return FailErrno(errno, "copy a descriptor");
    boost::system::error_code error;
    (void)stop_.assign(copy.get(), error);
    if (error) return FailErrno(error.value(), "watch for the end");
    (void)copy.Release();  // it closes it
    asio::co_spawn(context_, EndAtStop(), asio::detached);
    context_.run();
    return {};
  }

 private:
  Task<void> Accept(Acceptor& acceptor, const Door& door);
  Task<void> Host(const Door& door, Protocol::socket socket);
  Task<void> EndAtStop();

  HttpServer::Parts parts_;
  const Token* token_;
  const std::function<void()>& ending_;
  asio::io_context context_{1};
  asio::posix::stream_descriptor stop_{context_};
  std::list<Acceptor> acceptors_;
  std::list<Door> doors_;
  std::set<Conversation*> conversations_;
};

// Without a wait: there may be very many.
void TurnAway(Protocol::socket socket) {
  const std::string text = RenderText(Unavailable("too many connections are open"));
  boost::system::error_code error;
  (void)socket.non_blocking(true, error);
  std::string dropped(kDropped, '\0');
  socket.read_some(asio::buffer(dropped), error);
  socket.write_some(asio::buffer(text), error);
  (void)socket.shutdown(Protocol::socket::shutdown_both, error);
}

Task<void> Running::Accept(Acceptor& acceptor, const Door& door) {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      asio::steady_timer timer(context_, kBreath);
      co_await timer.async_wait(kAwait);
    } else if (conversations_.size() >= parts_.limits.connections) {
      TurnAway(std::move(socket));
    } else {
      asio::co_spawn(context_, Host(door, std::move(socket)), asio::detached);
    }
  }
}

Task<void> Running::Host(const Door& door, Protocol::socket socket) {
  Conversation conversation(parts_, door, std::move(socket));
  const Listed listed(conversations_, conversation);
  co_await conversation.Hold();
}

Task<void> Running::EndAtStop() {
  co_await stop_.async_wait(asio::posix::stream_descriptor::wait_read, kAwait);
  if (ending_) ending_();
  boost::system::error_code error;
  for (Acceptor& acceptor : acceptors_) (void)acceptor.close(error);
  for (Conversation* const each : conversations_) each->End();
}

}  // namespace

Result<void> HttpServer::Serve(const std::vector<Listener>& listeners, const Token* token,
                               const UniqueFd& stop, const std::function<void()>& ending) {
  Running running(parts_, token, ending);
  for (const Listener& listener : listeners) VENEER_TRY(running.Add(listener));
  return running.Until(stop);
}

}  // namespace veneer::api
