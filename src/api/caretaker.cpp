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
// At room, between two looks at everything.
constexpr int kGlances = 10;

}  // namespace

Caretaker::Caretaker(std::unique_ptr<Session> session, const Shared& shared, const HoldRule& rule,
                     std::chrono::milliseconds pause)
    : session_(std::move(session)),
      shared_(shared),
      thread_([this, rule, pause] { Work(rule, pause); }) {}

Caretaker::~Caretaker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Caretaker::Work(const HoldRule& rule, std::chrono::milliseconds pause) {
  const Host host = session_->host();
  Watcher watcher(host, rule, [&](const Finding& finding) {
    shared_.metrics.NoteFinding(finding.watch);
    shared_.events.Publish("watch", DumpLine({{"at", FormatTimestamp(host.now())},
                                              {"watch", finding.watch},
                                              {"object", finding.object},
                                              {"detail", finding.detail}}));
  });
  std::optional<Clock::time_point> swept;
  std::optional<Clock::time_point> looked;
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const bool due = !looked || Clock::now() - *looked >= pause;
    if (due) {
      watcher.Look();
      looked = Clock::now();
    }
    if (due || watcher.Glance()) shared_.metrics.NoteDisks(watcher.readings());
    if (!swept || Clock::now() - *swept > kBetweenSweeps) {
      shared_.keys.Expire(IdempotencyKeys::kLast).Ignore("they only take room");
      swept = Clock::now();
    }
    lock.lock();
    changed_.wait_for(lock, pause / kGlances, [&] { return ending_; });
  }
  lock.unlock();
  watcher.End();
}

}  // namespace veneer::api
