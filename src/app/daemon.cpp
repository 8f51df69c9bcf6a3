#include "app/daemon.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/caretaker.h"
#include "api/http_server.h"
#include "api/idempotency.h"
#include "api/listener.h"
#include "api/service_manager.h"
#include "api/token.h"
#include "api/worker_pool.h"
#include "app/interrupt_watch.h"
#include "app/open_files.h"
#include "app/output.h"
#include "app/session.h"
#include "base/size_text.h"
#include "catalog/object_lock.h"
#include "images/space.h"
#include "sandbox/recover.h"

namespace veneer {
namespace {

constexpr unsigned kLooking = 4;
constexpr unsigned kChanging = 8;
constexpr std::size_t kQueue = 256;
// Commands at once; one more is refused.
constexpr unsigned kRunning = 32;

using Listeners = std::vector<api::Listener>;

Result<Listeners> OpenListeners(const GlobalOptions& options, const DaemonArguments& arguments) {
  Listeners listeners;
  for (UniqueFd& socket : api::TakeActivatedSockets()) {
    listeners.push_back(VENEER_TRY(api::Listener::Adopt(std::move(socket))));
  }
  std::vector<std::string> addresses = arguments.listen;
  if (listeners.empty() && addresses.empty()) addresses = {"unix:" + options.run + "/api.sock"};
  for (const std::string& text : addresses) {
    const api::ListenAddress address = VENEER_TRY(api::ParseListenAddress(text));
    listeners.push_back(VENEER_TRY(api::Listener::Open(address)));
  }
  return listeners;
}

Result<std::unique_ptr<api::WorkerPool>> OpenPool(const GlobalOptions& options,
                                                  const SpaceReserve& reserve, unsigned threads,
                                                  std::size_t queue) {
  std::vector<std::unique_ptr<api::Session>> sessions;
  sessions.reserve(threads);
  for (unsigned n = 0; n < threads; ++n) {
    sessions.push_back(VENEER_TRY(Session::Open(options, reserve)));
  }
  return std::make_unique<api::WorkerPool>(std::move(sessions), queue);
}

// Only a daemon that can be reached over TCP needs one.
Result<std::optional<api::Token>> OpenToken(const Listeners& listeners, const std::string& path) {
  for (const api::Listener& listener : listeners) {
    if (listener.is_tcp()) return VENEER_TRY(api::Token::LoadOrMake(path));
  }
  return std::nullopt;
}

Result<void> RequireDirectory(const std::optional<std::string>& path) {
  struct stat status{};
  if (!path || (::stat(path->c_str(), &status) == 0 && S_ISDIR(status.st_mode))) return {};
  return Fail(ErrorKind::kNotFound, fmt::format("--import-dir {}: no such directory", *path),
              "make it, for root alone to write to");
}

Result<void> Announce(const GlobalOptions& options, const Listeners& listeners,
                      const std::string* token_file) {
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["listening"] = nlohmann::ordered_json::array();
    for (const api::Listener& each : listeners) json["listening"].push_back(each.name());
    if (token_file != nullptr) json["token_file"] = *token_file;
    return PrintJson(json);
  }
  std::string text;
  for (const api::Listener& each : listeners) {
    text += fmt::format("listening at {}\n", each.name());
    if (each.is_tcp()) text += fmt::format("the page is at http://{}/\n", each.name());
  }
  if (token_file != nullptr) text += fmt::format("the token is in {}\n", *token_file);
  return Print(text);
}

// One that was killed while it started a server of a disk has the lock until that has become
// another program: a moment. All other locks that it had go with this one.
Result<ObjectLock> TakeTurn(const Layout& layout) {
  constexpr std::chrono::seconds kMoment{5};
  auto lock = ObjectLock::Take(layout.locks(), "daemon", "daemon", kMoment);
  if (lock || lock.error().kind != ErrorKind::kConflict) return lock;
  Error error = std::move(lock).error();
  error.hint = "stop that daemon first, or name another state directory with --root and --run";
  return Fail(std::move(error));
}

// When writers are held. Not before nothing new is made: a disk whose writers wait is not copied.
Result<api::HoldRule> HoldRuleOf(const DaemonArguments& arguments, const SpaceReserve& reserve,
                                 const Layout& layout) {
  constexpr std::chrono::seconds kLongestTerm{3600};
  const std::chrono::seconds term(6 * arguments.watch);
  api::HoldRule rule{
      .below = {.percent = reserve.percent * 2 / 5, .size = Bytes(reserve.size.value() / 5 * 2)},
      .term = std::min(term, kLongestTerm)};
  if (!arguments.hold_below) return rule;
  rule.below = VENEER_TRY(ParseSpaceReserve(*arguments.hold_below));
  const FileSystemRoom room = VENEER_TRY(RoomIn(layout.root()));
  if (ReservedOf(room.total, rule.below) <= ReservedOf(room.total, reserve)) return rule;
  return Fail(ErrorKind::kUsage,
              fmt::format("--hold-below {} is more than --reserve {}", *arguments.hold_below,
                          arguments.reserve),
              "writers are held when the reserve is nearly used up, not before it is touched");
}

api::Limits LimitsOf(const DaemonArguments& arguments, Bytes upload) {
  return {.connections = arguments.connections,
          .upload = upload,
          .patience = std::chrono::seconds(arguments.patience)};
}

// What is open while it runs.
struct Open {
  const GlobalOptions& options;
  const DaemonArguments& arguments;
  Session& session;
  SpaceReserve reserve;
  api::HoldRule hold;
  const Listeners& listeners;
  const std::string* token_file;  // none: no token is needed
  const api::Token* token;
};

// Serves until it is told to stop, and all that was begun is done.
Result<void> Serve(const Open& open, const api::ServiceManager& manager, const UniqueFd& stop) {
  const Bytes upload = VENEER_TRY(ParseSize(open.arguments.upload_limit));
  const Layout& layout = open.session.layout();
  const api::Settings settings{.import_directory = open.arguments.import_directory};
  const api::IdempotencyKeys keys(layout.root() + "/keys");
  api::EventBus events(fmt::format("{:x}", open.session.host().now().time_since_epoch().count()));
  api::Metrics metrics;
  const api::Shared shared{
      .settings = settings, .keys = keys, .events = events, .metrics = metrics};
  const auto looking = VENEER_TRY(OpenPool(open.options, open.reserve, kLooking, kQueue));
  const auto changing = VENEER_TRY(OpenPool(open.options, open.reserve, kChanging, kQueue));
  const auto running = VENEER_TRY(OpenPool(open.options, open.reserve, kRunning, 0));
  const auto session = [&] { return Session::Open(open.options, open.reserve); };
  const api::Caretaker caretaker({.looks = VENEER_TRY(session()), .rounds = VENEER_TRY(session())},
                                 shared, open.hold, std::chrono::seconds(open.arguments.watch));
  api::HttpServer server({.looking = *looking,
                          .changing = *changing,
                          .running = *running,
                          .shared = shared,
                          .upload_directory = layout.templates(),
                          .reserve = open.reserve,
                          .limits = LimitsOf(open.arguments, upload)});
  VENEER_TRY(Announce(open.options, open.listeners, open.token_file));
  manager.Tell("READY=1");
  return server.Serve(open.listeners, open.token, stop, [&] { manager.Tell("STOPPING=1"); });
}

}  // namespace

Result<int> RunDaemon(const GlobalOptions& options, const DaemonArguments& arguments) {
  const SpaceReserve reserve = VENEER_TRY(ParseSpaceReserve(arguments.reserve));
  VENEER_TRY(RequireDirectory(arguments.import_directory));
  VENEER_TRY(AllowOpenFiles(arguments.connections));
  const auto manager = api::ServiceManager::FromEnvironment();
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  const auto session = VENEER_TRY(Session::Open(options, reserve));
  const Layout& layout = session->layout();
  const api::HoldRule hold = VENEER_TRY(HoldRuleOf(arguments, reserve, layout));
  ObjectLock lock = VENEER_TRY(TakeTurn(layout));
  const Listeners listeners = VENEER_TRY(OpenListeners(options, arguments));
  const std::string token_file = arguments.token_file.value_or(layout.root() + "/api.token");
  const auto token = VENEER_TRY(OpenToken(listeners, token_file));
  VENEER_TRY(Recover(session->host(), RecoverScope::kEverything));
  VENEER_TRY(Serve({.options = options,
                    .arguments = arguments,
                    .session = *session,
                    .reserve = reserve,
                    .hold = hold,
                    .listeners = listeners,
                    .token_file = token ? &token_file : nullptr,
                    .token = token ? &*token : nullptr},
                   manager, watch->fd()));
  std::move(lock).Forget();
  return 0;
}

}  // namespace veneer
