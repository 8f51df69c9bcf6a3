// DiskKeeper: what somebody who watches over the host asks of an attached disk, again and again.
//
// Verbs block for a second at most where the disk is served by a process that is busy or stuck.
// Any thread, any process.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "cow/cow_disk.h"
#include "cow/store_fill.h"
#include "cow/write_hold.h"

namespace veneer {

enum class Writers : std::uint8_t {
  kGoOn,
  kHeld,  // until there is room
};

// Counted since the disk was attached.
struct DiskActivity {
  DiskCounters counters{};
  // Whether counters.errors says anything: the kernel counts none.
  enum class Errors : std::uint8_t { kCounted, kUnknown } errors = Errors::kCounted;
  Writers writers = Writers::kGoOn;
  StoreFill fill{};
};

class DiskKeeper {
 public:
  DiskKeeper() = default;
  DiskKeeper(const DiskKeeper&) = delete;
  DiskKeeper& operator=(const DiskKeeper&) = delete;
  virtual ~DiskKeeper() = default;

  // From now on writers of the disk wait while the file system of its store has less room than the
  // mark: no write fails, none is lost. To be renewed before the term is over.
  // user: the disk's server looks at each write, so that nobody is late; readers and flushes go on.
  // dm: the device is held back or let go now, as the room is now, readers as well; the term says
  // nothing, and where this process ends whoever works on the disk next lets it go (Reconcile too).
  // kNotFound: no disk of ours is there; kConflict: another process works on it, or keeps it.
  virtual Result<DiskActivity> Keep(const std::string& path, const WriteLease& lease) = 0;

  // Nobody is held for so long, whatever Keep says: for who is about to take the disk away, and
  // waits for its users to end. dm: until the next Keep.
  virtual Result<void> LetGo(const std::string& path, std::chrono::milliseconds term) = 0;
};

}  // namespace veneer
