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

// A listening socket.
struct Entrance {
  Acceptor acceptor;
  Door door;
  bool is_tcp;
};

// Who talks.
struct Guests {
  std::set<Conversation*> all{};
  std::size_t over_tcp = 0;
};

// Among those who talk, as long as this lives.
class Listed {
 public:
  Listed(Guests& guests, const Entrance& by, Conversation& one)
      : guests_(guests), one_(one), over_tcp_(by.is_tcp ? 1 : 0) {
    guests_.all.insert(&one_);
    guests_.over_tcp += over_tcp_;
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() {
    guests_.all.erase(&one_);
    guests_.over_tcp -= over_tcp_;
  }

 private:
  Guests& guests_;
  Conversation& one_;
  std::size_t over_tcp_;
};

// Places that are kept for unix sockets, where there are two: anybody on the host can gather a
// crowd over TCP, which is not to lock out whom the mode of a socket lets in.
std::size_t KeptPlaces(std::size_t connections) {
  return connections < 2 ? 0 : (connections + 7) / 8;
}

// One run of the server: its sockets, and who talks at them. One thread.
class Running {
 public:
  Running(const HttpServer::Parts& parts, const Token* token, const std::function<void()>& ending)
      : parts_(parts), token_(token), ending_(ending) {}

  Result<void> Add(const Listener& listener) {
    UniqueFd copy(::fcntl(listener.fd().get(), F_DUPFD_CLOEXEC, 0));
    if (!copy.valid()) return FailErrno(errno, "copy a descriptor");
    Entrance& entrance = entrances_.emplace_back(
        Acceptor(context_),
        Door{.hosts = listener.hosts(), .token = listener.is_tcp() ? token_ : nullptr},
        listener.is_tcp());
    boost::system::error_code error;
    (void)entrance.acceptor.assign(Protocol(listener.family(), 0), copy.get(), error);
    if (error) return FailErrno(error.value(), fmt::format("listen at {}", listener.name()));
    (void)copy.Release();  // the acceptor closes it
    has_unix_ = has_unix_ || !listener.is_tcp();
    asio::co_spawn(context_, Accept(entrance), asio::detached);
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
  [[nodiscard]] bool HasPlace(const Entrance& entrance) const;
  Task<void> Accept(Entrance& entrance);
  Task<void> Host(const Entrance& entrance, Protocol::socket socket);
  Task<void> EndAtStop();

  HttpServer::Parts parts_;
  const Token* token_;
  const std::function<void()>& ending_;
  asio::io_context context_{1};
  asio::posix::stream_descriptor stop_{context_};
  std::list<Entrance> entrances_;
  bool has_unix_ = false;
  Guests guests_;
  bool is_over_ = false;  // nobody enters any more
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

bool Running::HasPlace(const Entrance& entrance) const {
  const std::size_t most = parts_.limits.connections;
  const std::size_t kept = has_unix_ ? KeptPlaces(most) : 0;
  return guests_.all.size() < most && (!entrance.is_tcp || guests_.over_tcp < most - kept);
}

Task<void> Running::Accept(Entrance& entrance) {
  while (entrance.acceptor.is_open()) {
    auto [error, socket] = co_await entrance.acceptor.async_accept(kAwait);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      asio::steady_timer timer(context_, kBreath);
      co_await timer.async_wait(kAwait);
    } else if (!HasPlace(entrance)) {
      TurnAway(std::move(socket));
    } else {
      asio::co_spawn(context_, Host(entrance, std::move(socket)), asio::detached);
    }
  }
}

Task<void> Running::Host(const Entrance& entrance, Protocol::socket socket) {
  if (is_over_) co_return;  // it came just before
  Conversation conversation(parts_, entrance.door, std::move(socket));
  const Listed listed(guests_, entrance, conversation);
  co_await conversation.Hold();
}

Task<void> Running::EndAtStop() {
  co_await stop_.async_wait(asio::posix::stream_descriptor::wait_read, kAwait);
  if (ending_) ending_();
  is_over_ = true;
  boost::system::error_code error;
  for (Entrance& entrance : entrances_) (void)entrance.acceptor.close(error);
  for (Conversation* const each : guests_.all) each->End();
}

}  // namespace

Result<void> HttpServer::Serve(const std::vector<Listener>& listeners, const Token* token,
                               const UniqueFd& stop, const std::function<void()>& ending) {
  Running running(parts_, token, ending);
  for (const Listener& listener : listeners) VENEER_TRY(running.Add(listener));
  return running.Until(stop);
}

}  // namespace veneer::api
