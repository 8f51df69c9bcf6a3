// WriteHold: writers of a disk wait while the file system of its store has too little room.
//
// Somebody who watches over the host takes a lease and renews it. While it lasts, and less room is
// left than it says, writers wait. They go on by themselves: when there is room (a quarter more
// than that), when the lease is over because whoever took it has died, or when it is lifted. So
// nobody has to live for them to go on. Without a lease, a write costs a look at one number.
//
// For many threads at once. The room is asked for once in 10 ms, however many write, and before
// that when a quarter of what was above the mark may have been written: quick writers do not run
// past it between two looks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// Writers wait below `mark`, for at most `term` from now on.
struct WriteLease {
  Bytes mark{};
  std::chrono::milliseconds term{};
};

// Whether this is too little room: below the mark, and for those who wait until a quarter more is
// free, so that they do not stop and go. Pure.
bool IsTooLittle(Bytes available, Bytes mark, bool waiting_already);

class WriteHold {
 public:
  // What is free on the file system of the store. Where that cannot be told nobody waits.
  using Room = std::function<Result<Bytes>()>;

  explicit WriteHold(Room room) : room_(std::move(room)) {}

  // In place of an earlier lease.
  void Take(const WriteLease& lease);

  // Nobody waits for so long, whatever lease there is. For who is about to take the disk away.
  void Lift(std::chrono::milliseconds term);

  // Before a write of so many bytes: returns once it may go on.
  void WaitForRoom(Bytes length);

  // After a write for which the file system had no room: whether a lease says that it waits, and is
  // to be tried again.
  [[nodiscard]] bool HoldsNow();

  // Whether writers are held back, whether one has come or not.
  [[nodiscard]] bool held() const { return held_.load(std::memory_order_relaxed) && IsLeased(); }
  // Writers that wait just now.
  [[nodiscard]] unsigned waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  using Moment = std::atomic<Clock::rep>;  // since the clock's epoch

  static Clock::rep Now() { return Clock::now().time_since_epoch().count(); }
  [[nodiscard]] bool IsLeased() const;
  [[nodiscard]] bool HasRoomFor(Bytes length);
  void Look();

  Room room_;
  std::atomic<bool> leased_once_ = false;
  std::atomic<std::uint64_t> mark_ = 0;
  Moment leased_until_ = 0;
  Moment lifted_until_ = 0;
  Moment next_look_ = 0;
  std::atomic<std::int64_t> until_look_ = 0;  // bytes
  std::atomic<bool> held_ = false;
  std::atomic<unsigned> waiting_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace veneer
