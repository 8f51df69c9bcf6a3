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

}  // namespace

Caretaker::Caretaker(std::unique_ptr<Session> session, const Shared& shared,
                     std::chrono::milliseconds pause)
    : session_(std::move(session)), shared_(shared), thread_([this, pause] { Work(pause); }) {}

Caretaker::~Caretaker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Caretaker::Work(std::chrono::milliseconds pause) {
  const Host host = session_->host();
  Watcher watcher(host, [&](const Finding& finding) {
    shared_.metrics.NoteFinding(finding.watch);
    shared_.events.Publish("watch", DumpLine({{"at", FormatTimestamp(host.now())},
                                              {"watch", finding.watch},
                                              {"object", finding.object},
                                              {"detail", finding.detail}}));
  });
  std::optional<Clock::time_point> swept;
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    watcher.Look();
    if (!swept || Clock::now() - *swept > kBetweenSweeps) {
      shared_.keys.Expire(IdempotencyKeys::kLast).Ignore("they only take room");
      swept = Clock::now();
    }
    lock.lock();
    changed_.wait_for(lock, pause, [&] { return ending_; });
  }
}

}  // namespace veneer::api
