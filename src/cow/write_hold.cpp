#include "cow/write_hold.h"

namespace veneer {
namespace {

// How old the answer about the room may be, and how long who waits sleeps before he asks again.
constexpr std::chrono::milliseconds kFresh{10};
constexpr std::chrono::milliseconds kNap{50};
// Other disks on the same file system write, too.
constexpr std::uint64_t kPartBetweenLooks = 4;

}  // namespace

bool IsTooLittle(Bytes available, Bytes mark, bool waiting_already) {
  const Bytes more = waiting_already ? Bytes(mark.value() / 4) : Bytes(0);
  return available < mark || available - mark < more;
}

void WriteHold::Take(const WriteLease& lease) {
  mark_.store(lease.mark.value());
  leased_until_.store(Now() + std::chrono::duration_cast<Clock::duration>(lease.term).count());
  leased_once_.store(true);
  // At once: held() is to be true of a disk to which nobody writes, too.
  Look();
  changed_.notify_all();
}

void WriteHold::Lift(std::chrono::milliseconds term) {
  lifted_until_.store(Now() + std::chrono::duration_cast<Clock::duration>(term).count());
  changed_.notify_all();
}

bool WriteHold::IsLeased() const {
  const Clock::rep now = Now();
  return now < leased_until_.load() && now >= lifted_until_.load();
}

// Asks for the room where nobody has just done so, or much was written since.
bool WriteHold::HasRoomFor(Bytes length) {
  const auto bytes = static_cast<std::int64_t>(length.value());
  const bool much = until_look_.fetch_sub(bytes) < bytes;
  const Clock::rep now = Now();
  Clock::rep due = next_look_.load();
  const Clock::rep next = now + std::chrono::duration_cast<Clock::duration>(kFresh).count();
  if (much || (now >= due && next_look_.compare_exchange_strong(due, next))) Look();
  return !held_.load();
}

void WriteHold::Look() {
  const Result<Bytes> room = room_();
  const Bytes mark(mark_.load());
  held_.store(room && IsTooLittle(*room, mark, held_.load()));
  const Bytes above = room && *room > mark ? *room - mark : Bytes(0);
  until_look_.store(static_cast<std::int64_t>(above.value() / kPartBetweenLooks));
}

void WriteHold::WaitForRoom(Bytes length) {
  if (!leased_once_.load(std::memory_order_relaxed)) return;
  if (!IsLeased() || HasRoomFor(length)) return;
  waiting_.fetch_add(1);
  std::unique_lock lock(mutex_);
  while (IsLeased() && !HasRoomFor(length)) changed_.wait_for(lock, kNap);
  waiting_.fetch_sub(1);
}

bool WriteHold::HoldsNow() {
  if (!IsLeased()) return false;
  Look();
  return held_.load();
}

}  // namespace veneer
