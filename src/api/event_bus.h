// EventBus: what happens, for those who want to hear of it as it happens.
//
// Events have ids in a row; the last kKept are kept, so that who was away for a moment goes on
// behind the last one that he has heard. Ids begin anew with each daemon, and name it: one of
// another daemon is as one that is too long ago. Any thread; nothing here waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace veneer::api {

struct Event {
  std::string id;    // "18f3c2a1b00-17"
  std::string type;  // "operation", "step", "watch"; "missed": some that were before are gone
  std::string data;  // a JSON object on one line
};

class EventBus {
 public:
  static constexpr std::size_t kKept = 1024;

  // `beginning`: what no other daemon's is; of letters and digits.
  explicit EventBus(std::string beginning) : beginning_(std::move(beginning)) {}

  void Publish(std::string type, std::string data);

  // For things of which several events tell.
  std::uint64_t NewNumber() { return ++numbers_; }

  // One who listens, from now on or from behind an event.
  class Subscription {
   public:
    // `last`: the id of the last event that was heard; empty: none. `wake` is called when there is
    // something to take, in any thread.
    Subscription(EventBus& bus, std::string_view last, std::function<void()> wake);
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription();

    // All since the last call. One thread.
    std::vector<Event> Take();

   private:
    EventBus& bus_;
    std::uint64_t key_ = 0;
    std::uint64_t heard_ = 0;
    bool missed_ = false;
  };

 private:
  std::string beginning_;
  std::atomic<std::uint64_t> numbers_ = 0;
  std::mutex mutex_;
  std::deque<Event> kept_;  // guarded by mutex_, as are the others
  std::uint64_t last_ = 0;  // the number of the newest
  std::uint64_t keys_ = 0;
  std::map<std::uint64_t, std::function<void()>> wakes_;
};

}  // namespace veneer::api
