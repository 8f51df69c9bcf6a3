// Conversation: a client of the server, from its first byte to its last. One thread; what blocks
// runs in the pools of workers.
#pragma once

#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/guard.h"
#include "api/http/bell.h"
#include "api/http/exec_talk.h"
#include "api/http/wire.h"
#include "api/http_server.h"
#include "api/upload.h"

namespace veneer::api {

class Conversation {
 public:
  Conversation(const HttpServer::Parts& parts, const Door& door, Protocol::socket socket);

  // Takes requests until one of the two has had enough.
  Task<void> Hold();

  // No more requests, and none whose body is not there yet; what is under way is finished.
  void End();

 private:
  enum class After : std::uint8_t { kNext, kClose };

  Task<bool> Turn();
  Task<bool> Converse(Parser& parser);
  Task<std::optional<Response>> ReadBody(Parser& parser, Admitted& admitted);
  Task<std::optional<Response>> ReadJson(Parser& parser, std::string& body, Bytes limit);
  Task<std::optional<Response>> ReadUpload(Parser& parser);
  Task<Response> Handle(Admitted& admitted);
  Task<bool> Send(Response response, const Parser& parser, After after);
  Task<void> Refuse(Response response, const Parser& parser);
  Task<void> TellEvents(std::string last);
  Task<bool> SendEvents(std::string text);
  Task<void> StreamCommand(Parser& parser, std::string sandbox);
  [[nodiscard]] Result<void> IsWaiting();
  [[nodiscard]] WorkerPool& PoolOf(Lane lane) const;

  struct Piece {
    beast::error_code error{};
    std::string_view bytes{};
  };
  Task<Piece> ReadPiece(Parser& parser);

  HttpServer::Parts parts_;
  const Door& door_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::string piece_{};
  std::optional<Upload> upload_{};
  // Rings where there is news for this client; there while it is told events.
  std::optional<Bell> bell_{};
  std::shared_ptr<ExecTalk> talk_{};  // while a command is streamed
  bool idle_ = true;                  // nothing is begun that the client has asked for
  std::atomic<bool> ending_ = false;  // written by its thread, read by workers too
};

}  // namespace veneer::api
