// Caretaker: a thread that has a Watcher look again and again, and tells what it finds: as events
// ("watch") and in the metrics, with what each disk has done. Now and then it forgets idempotency
// keys that are a day old. It ends with its object, after the look that is under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "api/disk_rounds.h"
#include "api/service.h"
#include "api/session.h"

namespace veneer::api {

class Caretaker {
 public:
  // `pause`: between two looks; room is looked at ten times as often.
  Caretaker(std::unique_ptr<Session> session, const Shared& shared, const HoldRule& rule,
            std::chrono::milliseconds pause);
  Caretaker(const Caretaker&) = delete;
  Caretaker& operator=(const Caretaker&) = delete;
  ~Caretaker();

 private:
  void Work(const HoldRule& rule, std::chrono::milliseconds pause);

  std::unique_ptr<Session> session_;
  Shared shared_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace veneer::api
