#include "api/http/conversation.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <chrono>
#include <utility>
#include <variant>

#include "api/front.h"
#include "api/problem.h"
#include "base/size_text.h"

namespace veneer::api {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10U;
// Clients take a stream of events that is silent for longer than this for one that is cut.
constexpr std::chrono::milliseconds kLongestSilence = std::chrono::seconds(30);
// How much of a refused request is read, so that its sender gets to read the refusal.
constexpr std::size_t kMostDropped = std::size_t{4} << 20U;

// What came of `work` in a thread of the pool; nothing where the pool's queue is full.
template <class T>
Task<std::optional<T>> InPool(WorkerPool& pool, std::move_only_function<T(Session&)> work) {
  auto executor = co_await asio::this_coro::executor;
  auto initiate = [&pool, executor, work = std::move(work)](auto handler) mutable {
    auto resume = [executor, guard = asio::make_work_guard(executor),
                   handler = std::move(handler)](std::optional<T> value) mutable {
      asio::post(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
        std::move(handler)(std::move(value));
      });
    };
    auto shared = std::make_shared<decltype(resume)>(std::move(resume));
    const bool taken = pool.TryPost([shared, work = std::move(work)](Session& session) mutable {
      (*shared)(std::optional<T>(work(session)));
    });
    if (!taken) (*shared)(std::nullopt);
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::optional<T>)>(
      std::move(initiate), asio::use_awaitable);
}

std::string TextOf(const std::vector<Event>& events) {
  if (events.empty()) return ":\n\n";  // says that somebody is there
  std::string text;
  for (const Event& event : events) {
    text += "id: " + event.id + "\nevent: " + event.type + "\ndata: " + event.data + "\n\n";
  }
  return text;
}

}  // namespace

WorkerPool& Conversation::PoolOf(Lane lane) const {
  switch (lane) {
    case Lane::kChange:
      return parts_.changing;
    case Lane::kRun:
      return parts_.running;
    case Lane::kLook:
      break;
  }
  return parts_.looking;
}

Conversation::Conversation(const HttpServer::Parts& parts, const Door& door,
                           Protocol::socket socket)
    : parts_(parts),
      door_(door),
      stream_(std::move(socket)),
      buffer_(parts.limits.headers.value() + kPiece) {}

Task<void> Conversation::Hold() {
  for (;;) {
    const bool goes_on = co_await Turn();
    if (!goes_on) break;
  }
}

void Conversation::End() {
  ending_ = true;
  if (bell_) bell_->Ring();
  if (talk_) talk_->End();
  if (!idle_) return;
  boost::system::error_code error;
  (void)stream_.socket().close(error);
}

Task<bool> Conversation::Turn() {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(parts_.limits.headers.value()));
  parser.body_limit(boost::none);  // each path has its own
  upload_.reset();
  idle_ = true;
  stream_.expires_after(parts_.limits.patience);
  const auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
  idle_ = false;
  if (!error) {
    const bool goes_on = co_await Converse(parser);
    co_return goes_on;
  }
  const bool left = error == http::error::end_of_stream || error == http::error::partial_message;
  const bool spoke = error.category() == make_error_code(http::error::bad_method).category();
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    co_await Refuse(HeadersTooLong(), parser);
  } else if (spoke && !left) {
    co_await Refuse(Malformed("the request is no HTTP: " + error.message()), parser);
  }
  co_return false;
}

Task<bool> Conversation::Converse(Parser& parser) {
  auto judged = Admit(door_, HeadOf(parser));
  if (auto* refusal = std::get_if<Response>(&judged)) {
    // Nothing is left of it to be read: the next request may follow.
    if (parser.is_done()) co_return co_await Send(std::move(*refusal), parser, After::kNext);
    co_await Refuse(std::move(*refusal), parser);
    co_return false;
  }
  auto& admitted = std::get<Admitted>(judged);
  idle_ = true;
  auto refusal = co_await ReadBody(parser, admitted);
  idle_ = false;
  if (ending_) co_return false;  // the connection is closed
  if (refusal) {
    co_await Refuse(*std::move(refusal), parser);
    co_return false;
  }
  if (!parser.is_done()) co_return false;  // it has gone
  const bool listens = parser.get().method() != http::verb::head;
  if (listens && admitted.route->reply == Reply::kEvents) {
    co_await TellEvents(admitted.request.last_event_id);
    co_return false;
  }
  if (listens && admitted.route->reply == Reply::kCommand && IsWebSocket(parser)) {
    co_await StreamCommand(parser, std::move(admitted.object));
    co_return false;
  }
  Response response = co_await Handle(admitted);
  co_return co_await Send(std::move(response), parser, After::kNext);
}

Task<std::optional<Response>> Conversation::ReadBody(Parser& parser, Admitted& admitted) {
  const BodyKind kind = admitted.route->body;
  const Bytes limit = kind == BodyKind::kNone   ? Bytes(0)
                      : kind == BodyKind::kJson ? parts_.limits.json
                                                : parts_.limits.upload;
  const auto announced = parser.content_length();
  if (announced && *announced > limit.value()) co_return BodyTooLong(FormatSize(limit));
  if (parser.get()[http::field::expect] == "100-continue") {
    const http::response<http::empty_body> go_on{http::status::continue_, 11};
    stream_.expires_after(parts_.limits.patience);
    co_await http::async_write(stream_, go_on, kAwait);
  }
  stream_.expires_after(parts_.limits.patience);
  if (kind != BodyKind::kUpload) co_return co_await ReadJson(parser, admitted.request.body, limit);
  auto refusal = co_await ReadUpload(parser);
  if (upload_) admitted.request.upload = upload_->fd().get();
  co_return refusal;
}

Task<Conversation::Piece> Conversation::ReadPiece(Parser& parser) {
  piece_.resize(kPiece);
  parser.get().body().data = piece_.data();
  parser.get().body().size = piece_.size();
  auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kAwait);
  if (error == http::error::need_buffer) error = {};
  co_return Piece{
      .error = error,
      .bytes = std::string_view(piece_).substr(0, piece_.size() - parser.get().body().size)};
}

// All of it within one patience. One that does not end is seen by its parser.
Task<std::optional<Response>> Conversation::ReadJson(Parser& parser, std::string& body,
                                                     Bytes limit) {
  while (!parser.is_done()) {
    const Piece piece = co_await ReadPiece(parser);
    body += piece.bytes;
    if (body.size() > limit.value()) co_return BodyTooLong(FormatSize(limit));
    if (piece.error) break;
  }
  co_return std::nullopt;
}

Task<std::optional<Response>> Conversation::ReadUpload(Parser& parser) {
  const auto announced = parser.content_length();
  std::optional<Bytes> expected;
  if (announced) expected = Bytes(*announced);
  auto begun = Upload::Begin(parts_.upload_directory, expected, parts_.reserve);
  if (!begun) co_return ProblemOf(begun.error());
  upload_ = *std::move(begun);
  Bytes total;
  while (!parser.is_done()) {
    stream_.expires_after(parts_.limits.patience);
    const Piece piece = co_await ReadPiece(parser);
    total += Bytes(piece.bytes.size());
    if (total > parts_.limits.upload) co_return BodyTooLong(FormatSize(parts_.limits.upload));
    std::move_only_function<Result<void>(Session&)> append =
        [this, bytes = piece.bytes](Session& /*session*/) { return upload_->Append(bytes); };
    const auto appended = co_await InPool<Result<void>>(parts_.looking, std::move(append));
    if (!appended) co_return Unavailable("too many requests wait");
    if (!*appended) co_return ProblemOf(appended->error());
    if (piece.error) break;
  }
  co_return std::nullopt;
}

Task<Response> Conversation::Handle(Admitted& admitted) {
  stream_.expires_never();  // it is done, whether its sender waits or not
  admitted.request.wanted = [this] { return IsWaiting(); };
  std::move_only_function<Response(Session&)> work = [this, &admitted](Session& session) {
    Service service(session.host(), parts_.shared);
    return Answer(admitted, service);
  };
  auto response = co_await InPool<Response>(PoolOf(admitted.route->lane), std::move(work));
  co_return response ? *std::move(response) : Unavailable("too many requests wait");
}

Task<bool> Conversation::Send(Response response, const Parser& parser, After after) {
  const bool keeps = after == After::kNext && parser.keep_alive() && !ending_;
  Wire wire = Render(std::move(response), keeps ? KeepAlive::kYes : KeepAlive::kNo);
  if (parser.get().method() == http::verb::head) wire.body().clear();
  stream_.expires_after(parts_.limits.patience);
  const auto [error, size] = co_await http::async_write(stream_, wire, kAwait);
  co_return keeps && !error;
}

// For a worker: the socket stays open for as long as its answer is awaited.
Result<void> Conversation::IsWaiting() {
  if (ending_) return Fail(ErrorKind::kFailed, "the daemon ends");
  char byte = 0;
  const int socket = stream_.socket().native_handle();
  const ssize_t n = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  const bool gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
  return gone ? FailErrno(EPIPE, "wait for the client") : Result<void>();
}

Task<void> Conversation::StreamCommand(Parser& parser, std::string sandbox) {
  if (!OffersExec(HeadOf(parser).protocols)) {
    co_await Refuse(Malformed("the WebSocket does not offer the subprotocol veneer.exec.v1"),
                    parser);
    co_return;
  }
  if (buffer_.size() != 0) {
    co_await Refuse(Malformed("messages came before the WebSocket was accepted"), parser);
    co_return;
  }
  auto executor = co_await asio::this_coro::executor;
  talk_ = std::make_shared<ExecTalk>(executor, parts_, stream_, std::move(sandbox));
  co_await ExecTalk::Hold(talk_, parser.get());
  talk_.reset();
}

// Answers and closes. A close while bytes wait to be read would take the answer back.
Task<void> Conversation::Refuse(Response response, const Parser& parser) {
  co_await Send(std::move(response), parser, After::kClose);
  boost::system::error_code error;
  (void)stream_.socket().shutdown(Protocol::socket::shutdown_send, error);
  piece_.resize(kPiece);
  std::size_t dropped = 0;
  while (!error && dropped < kMostDropped) {
    const auto [ended, size] =
        co_await stream_.async_read_some(asio::buffer(piece_.data(), piece_.size()), kAwait);
    error = ended;
    dropped += size;
  }
}

Task<bool> Conversation::SendEvents(std::string text) {
  stream_.expires_after(parts_.limits.patience);
  const auto [error, size] =
      co_await asio::async_write(stream_, asio::buffer(text.data(), text.size()), kAwait);
  co_return !error;
}

// Until the client or the server goes; the end of the stream is the end of the connection. One that
// is slower than the events misses some, and is told.
Task<void> Conversation::TellEvents(std::string last) {
  http::response<http::empty_body> header{http::status::ok, 11};
  header.set(http::field::content_type, "text/event-stream");
  header.set(http::field::cache_control, "no-store");
  header.set("X-Content-Type-Options", "nosniff");
  header.keep_alive(false);
  http::response_serializer<http::empty_body> serializer(header);
  stream_.expires_after(parts_.limits.patience);
  const auto [error, size] = co_await http::async_write_header(stream_, serializer, kAwait);
  if (error) co_return;
  bell_.emplace(co_await asio::this_coro::executor);
  EventBus::Subscription ear(parts_.shared.events, last, bell_->Ringer());
  auto heard = Bell::Heard::kNothing;
  for (bool hears = true; hears && !ending_;) {
    const auto events = ear.Take();
    // Now and then something is said in any case: it shows who has gone.
    const bool speaks = !events.empty() || heard == Bell::Heard::kNothing;
    if (speaks) hears = co_await SendEvents(TextOf(events));
    if (!hears || ending_) break;
    heard = co_await bell_->Wait(std::min(parts_.limits.patience / 2, kLongestSilence));
  }
}

}  // namespace veneer::api
