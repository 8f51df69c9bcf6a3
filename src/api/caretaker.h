// Caretaker: two threads that look after what nobody asks about, and tell what they find: as events
// ("watch") and in the metrics.
//
//   looks      a Watcher, again and again; and now and then idempotency keys that are a day old are
//              forgotten
//   rounds     DiskRounds, as often; at once where the host has too little room, which is looked at
//              ten times as often. Apart, since a look may take long
//
// They end with their object, after what is under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "api/disk_rounds.h"
#include "api/service.h"
#include "api/session.h"
#include "api/trouble_book.h"

namespace veneer::api {

class Caretaker {
 public:
  // A state directory, opened for each of the two.
  struct Sessions {
    std::unique_ptr<Session> looks;
    std::unique_ptr<Session> rounds;
  };

  // `pause`: between two looks.
  Caretaker(Sessions sessions, const Shared& shared, const HoldRule& rule,
            std::chrono::milliseconds pause);
  Caretaker(const Caretaker&) = delete;
  Caretaker& operator=(const Caretaker&) = delete;
  ~Caretaker();

 private:
  void Look(std::chrono::milliseconds pause);
  void GoRound(const HoldRule& rule, std::chrono::milliseconds pause);
  TroubleBook::Tell TellAt(const std::function<Timestamp()>& now) const;
  // Waits for so long; false where it is over.
  [[nodiscard]] bool GoesOnAfter(std::chrono::milliseconds pause);

  Sessions sessions_;
  Shared shared_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;  // guarded by mutex_
  std::thread looks_;
  std::thread rounds_;
};

}  // namespace veneer::api
