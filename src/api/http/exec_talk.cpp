#include "api/http/exec_talk.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/problem.h"
#include "sandbox/exec_json.h"

namespace veneer::api {
namespace {

namespace websocket = beast::websocket;

constexpr std::string_view kProtocol = "veneer.exec.v1";
// A piece of stdin and its tag; also what a command may have of arguments and environment.
constexpr std::size_t kLongestMessage = (std::size_t{64} << 10U) + 1;

std::string_view TextIn(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.data().size()};
}

// {"problem":{…}}
std::string ProblemMessage(const Response& problem) {
  return R"({"problem":)" + problem.body.substr(0, problem.body.size() - 1) + "}";
}

std::string EndMessage(const ExecEnd& end) { return R"({"end":)" + ExecEndJson(end).dump() + "}"; }

}  // namespace

bool IsWebSocket(const Parser& parser) { return websocket::is_upgrade(parser.get()); }

bool OffersExec(std::string_view protocols) {
  return http::token_list(beast::string_view(protocols.data(), protocols.size()))
      .exists(beast::string_view(kProtocol.data(), kProtocol.size()));
}

ExecTalk::ExecTalk(const asio::any_io_executor& executor, const HttpServer::Parts& parts,
                   Stream& stream, std::string sandbox)
    : parts_(parts),
      stream_(stream),
      sandbox_(std::move(sandbox)),
      socket_(stream),
      patience_(executor),
      bell_(executor),
      input_(executor) {}

Task<void> ExecTalk::Hold(std::shared_ptr<ExecTalk> self, const Parser::value_type& request) {
  const bool open = co_await self->Open(request);
  if (open) co_await self->Converse();
  self->over_ = true;
  self->patience_.cancel();
}

void ExecTalk::End() {
  ending_ = true;
  if (command_)
    command_->End({ErrorKind::kFailed, 0, "the daemon ends", "run it again in a moment"});
  if (!command_) CutOff();
}

void ExecTalk::BeginPatience() {
  patience_.expires_after(parts_.limits.patience);
  // What was queued before a cancel comes without an error: it must not touch what has gone.
  patience_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    const auto talk = self.lock();
    const bool due = talk && !error && !talk->over_ && talk->IsLate();
    if (due) talk->CutOff();
  });
}

bool ExecTalk::IsLate() const {
  return patience_.expiry() <= asio::steady_timer::clock_type::now();
}

void ExecTalk::CutOff() {
  boost::system::error_code error;
  (void)stream_.socket().close(error);
}

Task<bool> ExecTalk::Open(const Parser::value_type& request) {
  stream_.expires_never();  // reading waits for as long as the command likes
  socket_.read_message_max(kLongestMessage);
  socket_.auto_fragment(false);  // a message is a frame
  socket_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol,
                 beast::string_view(kProtocol.data(), kProtocol.size()));
  }));
  BeginPatience();
  const auto [error] = co_await socket_.async_accept(request, kAwait);
  co_return !error;
}

// The first message; what is none is answered.
Task<std::optional<ExecOpening>> ExecTalk::ReadOpening() {
  BeginPatience();
  const auto [error, size] = co_await socket_.async_read(message_, kAwait);
  patience_.cancel();
  if (error) co_return std::nullopt;
  const bool text = socket_.got_text();
  auto opening = text ? DecodeOpening(TextIn(message_))
                      : Fail(ErrorKind::kUsage, "the first message says no command",
                             "it is text: {\"argv\":[…]}");
  message_.clear();
  if (opening) co_return *std::move(opening);
  co_await CloseWithProblem(ProblemOf(opening.error()));
  co_return std::nullopt;
}

// The command's end of its stdin.
Result<UniqueFd> ExecTalk::MakeInput() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return FailErrno(errno, "make a pipe for stdin");
  }
  UniqueFd command(ends[0]);
  UniqueFd client(ends[1]);
  boost::system::error_code error;
  (void)input_.assign(Protocol(AF_UNIX, 0), client.get(), error);
  if (error) return FailErrno(error.value(), "make a pipe for stdin");
  (void)client.Release();  // the socket closes it
  return command;
}

// False where no thread is free.
bool ExecTalk::Begin(ExecOpening opening, UniqueFd input) {
  command_ =
      std::make_shared<ExecCommand>(std::move(opening.request), std::move(input), bell_.Ringer());
  const bool taken =
      parts_.running.TryPost([command = command_, sandbox = sandbox_](Session& session) {
        command->Run(session.host(), sandbox);
      });
  if (!taken) command_.reset();
  return taken;
}

Task<void> ExecTalk::Converse() {
  auto opening = co_await ReadOpening();
  if (!opening) co_return;
  UniqueFd input;
  if (opening->input == ExecInput::kFollows) {
    auto made = MakeInput();
    if (!made) co_await CloseWithProblem(ProblemOf(made.error()));
    if (!made) co_return;
    input = *std::move(made);
  }
  if (!Begin(*std::move(opening), std::move(input))) {
    co_await CloseWithProblem(Unavailable("too many commands run"));
    co_return;
  }
  listening_ = true;
  asio::co_spawn(patience_.get_executor(), Listen(shared_from_this()), asio::detached);
  co_await Tell();
  CutOff();
  boost::system::error_code error;
  (void)input_.close(error);
  while (listening_) co_await bell_.Wait(parts_.limits.patience);
}

// What the client sends, until it goes or makes no sense.
Task<void> ExecTalk::Listen(std::shared_ptr<ExecTalk> self) {
  bool listens = true;
  while (listens) {
    self->message_.clear();
    const auto [error, size] = co_await self->socket_.async_read(self->message_, kAwait);
    if (error) break;
    listens = co_await self->OnMessage(TextIn(self->message_));
  }
  if (listens) self->Leave({ErrorKind::kFailed, EPIPE, "the client has gone", ""});
  self->listening_ = false;
  self->bell_.Ring();
}

Task<bool> ExecTalk::OnMessage(std::string_view message) {
  if (socket_.got_text()) {
    const auto signal = DecodeSignal(message);
    if (signal) command_->Signal(*signal);
    if (!signal) command_->End(signal.error());
    co_return signal.has_value();
  }
  const auto bytes = DecodeInput(message);
  if (!bytes) command_->End(bytes.error());
  if (!bytes) co_return false;
  boost::system::error_code error;
  if (bytes->empty()) {
    (void)input_.shutdown(Protocol::socket::shutdown_send, error);
  } else {
    // A command that takes no more is no reason to hear no more.
    co_await asio::async_write(input_, asio::buffer(bytes->data(), bytes->size()), kAwait);
  }
  co_return true;
}

void ExecTalk::Leave(Error why) {
  if (!left_) left_ = why;
  command_->End(std::move(why));
}

// Now and then something is said in any case: it shows who has gone.
Task<bool> ExecTalk::AwaitNews() {
  const auto heard = co_await bell_.Wait(parts_.limits.patience / 2);
  if (heard == Bell::Heard::kRing || left_) co_return true;
  co_return co_await Ping();
}

// What the command says, until it has ended.
Task<void> ExecTalk::Tell() {
  for (;;) {
    ExecCommand::News news = command_->Next();
    if (news.kind == ExecCommand::News::Kind::kOver) break;
    bool hears = true;
    if (news.kind == ExecCommand::News::Kind::kOutput) {
      if (!left_) hears = co_await Send(std::move(news.message), Kind::kBinary);
    } else {
      hears = co_await AwaitNews();
    }
    if (!hears) Leave({ErrorKind::kFailed, EPIPE, "the client has gone", ""});
  }
  if (!left_) co_await TellTheEnd();
}

Task<void> ExecTalk::TellTheEnd() {
  const auto& end = command_->end();
  const auto failed =
      ending_ ? websocket::close_code::going_away : websocket::close_code::internal_error;
  // GCC 12 makes nothing of a temporary in a condition within co_await.
  std::string last = end ? EndMessage(*end) : ProblemMessage(ProblemOf(end.error()));
  const auto code = end ? websocket::close_code::normal : failed;
  co_await Close(std::move(last), code);
}

Task<bool> ExecTalk::Send(std::string message, Kind kind) {
  BeginPatience();
  socket_.binary(kind == Kind::kBinary);
  const auto [error, size] =
      co_await socket_.async_write(asio::buffer(message.data(), message.size()), kAwait);
  patience_.cancel();
  co_return !error;
}

Task<bool> ExecTalk::Ping() {
  BeginPatience();
  const auto [error] = co_await socket_.async_ping({}, kAwait);
  patience_.cancel();
  co_return !error;
}

Task<void> ExecTalk::Close(std::string last, websocket::close_code code) {
  const bool hears = co_await Send(std::move(last), Kind::kText);
  if (!hears) co_return;
  BeginPatience();
  co_await socket_.async_close(code, kAwait);
  patience_.cancel();
}

Task<void> ExecTalk::CloseWithProblem(Response problem) {
  co_await Close(ProblemMessage(problem), websocket::close_code::internal_error);
}

}  // namespace veneer::api
