// The server on real sockets. Its patience is an hour: what would be waited for does not end.
#include "api/http_server.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "sandbox/testing/sandbox_test.h"

namespace veneer::api {
namespace {

constexpr std::size_t kConnections = 8;
constexpr std::size_t kOverTcp = 7;

class OneSession final : public Session {
 public:
  explicit OneSession(const Host& host) : host_(host) {}
  [[nodiscard]] Host host() override { return host_; }

 private:
  Host host_;
};

// Who speaks HTTP by hand.
class Client {
 public:
  explicit Client(const Listener& listener)
      : fd_(::socket(listener.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(listener.fd().get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
    host_ = listener.hosts().empty() ? "localhost" : listener.hosts().front();
  }

  void Say(const std::string& method, const std::string& path, const std::string& more = "") const {
    const std::string text =
        method + " " + path + " HTTP/1.1\r\nHost: " + host_ + "\r\n" + more + "\r\n";
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  // What comes next, its first line; empty where the connection has ended.
  [[nodiscard]] std::string Hear() const {
    std::string text(4096, '\0');
    const ssize_t n = ::recv(fd_.get(), text.data(), text.size(), 0);
    return n > 0 ? text.substr(0, text.find('\r')) : "";
  }

 private:
  UniqueFd fd_;
  std::string host_;
};

class HttpServerTest : public veneer::testing::SandboxTest {
 protected:
  HttpServerTest() {
    auto local = Listener::Open({.path = directory_ / "api.sock"});
    auto tcp = Listener::Open({.ip = "127.0.0.1", .port = 0});
    EXPECT_TRUE(local && tcp);
    listeners_.push_back(*std::move(local));
    listeners_.push_back(*std::move(tcp));
  }
  void TearDown() override { End(); }

  void Begin() {
    serving_ = std::thread([this] { served_ = server_.Serve(listeners_, nullptr, stop_, {}); });
  }
  void TellToEnd() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  // Returns once what was begun is done.
  void End() {
    if (!serving_.joinable()) return;
    TellToEnd();
    serving_.join();
    EXPECT_TRUE(served_);
  }
  [[nodiscard]] Client OverUnix() const { return Client(listeners_.front()); }
  [[nodiscard]] Client OverTcp() const { return Client(listeners_.back()); }

  Settings settings_{};
  IdempotencyKeys keys_{directory_ / "keys"};
  EventBus events_{"x"};
  Metrics metrics_;
  Shared shared_{.settings = settings_, .keys = keys_, .events = events_, .metrics = metrics_};
  WorkerPool pool_{Sessions(), 16};
  std::vector<Listener> listeners_;
  UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  HttpServer server_{{.looking = pool_,
                      .changing = pool_,
                      .running = pool_,
                      .shared = shared_,
                      .upload_directory = layout_.templates(),
                      .reserve = {.percent = 0, .size = Bytes(0)},
                      .limits = {.connections = kConnections, .patience = std::chrono::hours(1)}}};

 private:
  std::vector<std::unique_ptr<Session>> Sessions() {
    std::vector<std::unique_ptr<Session>> sessions;
    sessions.push_back(std::make_unique<OneSession>(host_));
    return sessions;
  }

  std::thread serving_;
  Result<void> served_{};
};

constexpr const char* kOk = "HTTP/1.1 200 OK";
constexpr const char* kTurnedAway = "HTTP/1.1 503 Service Unavailable";

TEST_F(HttpServerTest, ACrowdOverTcpLeavesAPlaceToTheUnixSocket) {
  Begin();
  std::vector<Client> crowd;
  for (std::size_t n = 0; n < kOverTcp; ++n) {
    crowd.push_back(OverTcp());
    crowd.back().Say("GET", "/healthz");
    ASSERT_EQ(crowd.back().Hear(), kOk) << n;
  }
  EXPECT_EQ(OverTcp().Hear(), kTurnedAway);
  const Client owner = OverUnix();
  owner.Say("GET", "/healthz");
  EXPECT_EQ(owner.Hear(), kOk);
  EXPECT_EQ(OverUnix().Hear(), kTurnedAway) << "all places are taken";
}

TEST_F(HttpServerTest, AnUploadUnderWayDoesNotHoldTheEnd) {
  Begin();
  const Client client = OverUnix();
  client.Say("PUT", "/v1/templates/sent", "Content-Length: 1000\r\nExpect: 100-continue\r\n");
  ASSERT_EQ(client.Hear(), "HTTP/1.1 100 Continue");
  End();
  EXPECT_EQ(client.Hear(), "");
  EXPECT_FALSE(catalog_->Template("sent"));
}

TEST_F(HttpServerTest, WhoComesAtTheEndIsNotWaitedFor) {
  std::vector<Client> clients;
  clients.reserve(kConnections / 2);
  for (std::size_t n = 0; n < kConnections / 2; ++n) clients.push_back(OverUnix());
  TellToEnd();
  Begin();
  End();
  listeners_.clear();  // some may not have been taken
  for (const Client& each : clients) EXPECT_EQ(each.Hear(), "");
}

}  // namespace
}  // namespace veneer::api
