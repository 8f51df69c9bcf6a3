// DiskRounds: goes round the disks of all sandboxes that run: has their writers wait while the host
// has too little room (backend/disk_keeper.h), and reads what each disk has done.
//
// Where writers are held is one finding, and so is the end of that. A round asks each disk, and so
// takes as long as they take; one that does not answer costs a second. One thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "api/trouble_book.h"
#include "backend/disk_keeper.h"
#include "base/result.h"
#include "images/space.h"
#include "sandbox/host.h"

namespace veneer::api {

// When writers are held, and for how long where nobody renews it.
struct HoldRule {
  SpaceReserve below{.percent = 2, .size = Bytes(0)};  // nothing of either: never
  std::chrono::milliseconds term = std::chrono::seconds(30);
};

struct DiskReading {
  std::string id;
  std::string name;
  DiskActivity activity;
};

class DiskRounds {
 public:
  DiskRounds(Host host, HoldRule rule, TroubleBook::Tell tell)
      : host_(std::move(host)), rule_(rule), book_(std::move(tell)) {}

  // Yields what each disk that answered has done.
  std::vector<DiskReading> Go();

  // Whether a round cannot wait: writers are held, or are to be. Asks the file system alone.
  [[nodiscard]] bool IsUrgent() const;

  // Nobody is left held who could not go on by himself.
  void End();

 private:
  using Troubles = TroubleBook::Troubles;

  struct Room {
    Bytes mark;
    bool too_little = false;
  };
  [[nodiscard]] Result<Room> LookAtRoom() const;
  Result<DiskActivity> Keep(const SandboxRecord& sandbox, Bytes mark);
  std::vector<DiskReading> KeepAll(Troubles& troubles);

  Host host_;
  HoldRule rule_;
  TroubleBook book_;
  bool holding_ = false;
};

}  // namespace veneer::api
