// ExecTalk: a client that runs a command over a WebSocket, from the handshake to the end of both
// (docs/api.md, "Commands"). One thread; the command runs in a pool.
//
// Ends only when the command has: who goes away ends it, and so does End.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/exec_body.h"
#include "api/exec_command.h"
#include "api/http/bell.h"
#include "api/http/wire.h"
#include "api/http_server.h"

namespace veneer::api {

bool IsWebSocket(const Parser& parser);

// Whether "veneer.exec.v1" is in the list.
bool OffersExec(std::string_view protocols);

class ExecTalk : public std::enable_shared_from_this<ExecTalk> {
 public:
  ExecTalk(const asio::any_io_executor& executor, const HttpServer::Parts& parts, Stream& stream,
           std::string sandbox);

  static Task<void> Hold(std::shared_ptr<ExecTalk> self, const Parser::value_type& request);

  // The daemon ends: so does the command.
  void End();

 private:
  enum class Kind : std::uint8_t { kText, kBinary };

  Task<bool> Open(const Parser::value_type& request);
  Task<void> Converse();
  Task<std::optional<ExecOpening>> ReadOpening();
  Result<UniqueFd> MakeInput();
  bool Begin(ExecOpening opening, UniqueFd input);
  static Task<void> Listen(std::shared_ptr<ExecTalk> self);
  Task<bool> OnMessage(std::string_view message);
  Task<void> Tell();
  Task<void> TellTheEnd();
  Task<bool> AwaitNews();
  Task<bool> Send(std::string message, Kind kind);
  Task<bool> Ping();
  Task<void> Close(std::string last, beast::websocket::close_code code);
  Task<void> CloseWithProblem(Response problem);
  void Leave(Error why);
  // What is begun now must be done within the patience, else the connection is cut off.
  void BeginPatience();
  [[nodiscard]] bool IsLate() const;
  void CutOff();

  HttpServer::Parts parts_;
  Stream& stream_;
  std::string sandbox_;
  beast::websocket::stream<Stream&> socket_;
  beast::flat_buffer message_;
  asio::steady_timer patience_;
  Bell bell_;
  Protocol::socket input_;                  // the client's side of the command's stdin
  std::shared_ptr<ExecCommand> command_{};  // once it was asked for
  std::optional<Error> left_{};             // why nobody is told any more
  bool listening_ = false;
  bool ending_ = false;
  bool over_ = false;
};

}  // namespace veneer::api
