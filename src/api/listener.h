// Listeners: the sockets at which the API is offered.
//
//   unix:PATH                       mode 0660; a socket that nobody serves any more is replaced
//   127.0.0.1:PORT, [::1]:PORT      loopback only; port 0: one that the kernel chooses
//
// Or sockets that the service manager has opened (service_manager.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer::api {

struct ListenAddress {
  std::string path{};  // of a unix socket; empty: TCP
  std::string ip{};    // "127.0.0.1", "::1"
  std::uint16_t port = 0;
};

// kUsage where it is neither, or not loopback.
Result<ListenAddress> ParseListenAddress(std::string_view text);

// What a Host header says that means this address: "127.0.0.1:8080". Clients leave out the port
// that is HTTP's own.
std::vector<std::string> HostsOf(std::string_view ip, int port);

class Listener {
 public:
  // kConflict: somebody serves that path or port already, or the path is no socket.
  static Result<Listener> Open(const ListenAddress& address);

  // Takes a listening socket, whose path is its maker's to remove. kUsage where it is none, or is
  // reachable from other hosts.
  static Result<Listener> Adopt(UniqueFd fd);

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();  // removes the path that Open has made

  [[nodiscard]] const UniqueFd& fd() const { return fd_; }
  [[nodiscard]] int family() const { return family_; }
  [[nodiscard]] bool is_tcp() const { return path_.empty(); }
  // "unix:/run/veneer/api.sock", "127.0.0.1:8080": as --listen takes it.
  [[nodiscard]] const std::string& name() const { return name_; }
  // What a Host header says that means it; none for a unix socket, where any does.
  [[nodiscard]] const std::vector<std::string>& hosts() const { return hosts_; }

 private:
  Listener(UniqueFd fd, UniqueFd lock) : fd_(std::move(fd)), lock_(std::move(lock)) {}
  Result<void> Describe();

  UniqueFd fd_;
  UniqueFd lock_;  // of the path, while this is its owner
  int family_ = 0;
  std::string path_{};
  std::string name_{};
  std::vector<std::string> hosts_{};
};

}  // namespace veneer::api
