#include "api/caretaker.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/watcher.h"
#include "backend/json_fields.h"
#include "sandbox/json_views.h"

namespace veneer::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::hours kBetweenSweeps{1};
// At room, between two rounds.
constexpr int kGlances = 10;

// Whether it is the first time, or so long since the last.
bool IsDue(const std::optional<Clock::time_point>& last, Clock::duration pause) {
  return !last || Clock::now() - *last >= pause;
}

}  // namespace

Caretaker::Caretaker(Sessions sessions, const Shared& shared, const HoldRule& rule,
                     std::chrono::milliseconds pause)
    : sessions_(std::move(sessions)),
      shared_(shared),
      looks_([this, pause] { Look(pause); }),
      rounds_([this, rule, pause] { GoRound(rule, pause); }) {}

Caretaker::~Caretaker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  looks_.join();
  rounds_.join();
}

bool Caretaker::GoesOnAfter(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, pause, [this] { return ending_; });
}

TroubleBook::Tell Caretaker::TellAt(const std::function<Timestamp()>& now) const {
  return [this, now](const Finding& finding) {
    shared_.metrics.NoteFinding(finding.watch);
    shared_.events.Publish("watch", DumpLine({{"at", FormatTimestamp(now())},
                                              {"watch", finding.watch},
                                              {"object", finding.object},
                                              {"detail", finding.detail}}));
  };
}

void Caretaker::Look(std::chrono::milliseconds pause) {
  const Host host = sessions_.looks->host();
  Watcher watcher(host, TellAt(host.now));
  std::optional<Clock::time_point> swept;
  do {
    watcher.Look();
    if (!IsDue(swept, kBetweenSweeps)) continue;
    shared_.keys.Expire(IdempotencyKeys::kLast).Ignore("they only take room");
    swept = Clock::now();
  } while (GoesOnAfter(pause));
}

void Caretaker::GoRound(const HoldRule& rule, std::chrono::milliseconds pause) {
  const Host host = sessions_.rounds->host();
  DiskRounds rounds(host, rule, TellAt(host.now));
  std::optional<Clock::time_point> last;
  do {
    if (!IsDue(last, pause) && !rounds.IsUrgent()) continue;
    shared_.metrics.NoteDisks(rounds.Go());
    last = Clock::now();
  } while (GoesOnAfter(pause / kGlances));
  rounds.End();
}

}  // namespace veneer::api
