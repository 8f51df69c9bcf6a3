// DiskRounds: goes round the disks of all sandboxes that run: has their writers wait while the host
// has too little room (backend/disk_keeper.h), and reads what each disk has done.
//
// A round asks each disk, and so takes as long as they take; one that does not answer costs a
// second. One thread.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

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
  DiskRounds(Host host, HoldRule rule) : host_(std::move(host)), rule_(rule) {}

  struct Round {
    std::map<std::string, std::string> troubles{};  // by object: "host", "sandbox sb-…"
    std::vector<DiskReading> readings{};            // of disks that answered
  };
  Round Go();

  // Whether a round cannot wait: writers are held, or are to be. Asks the file system alone.
  [[nodiscard]] bool IsUrgent() const;

  // Nobody is left held who could not go on by himself.
  void End();

 private:
  struct Room {
    Bytes mark;
    bool too_little = false;
  };
  [[nodiscard]] Result<Room> LookAtRoom() const;

  Host host_;
  HoldRule rule_;
  bool holding_ = false;
};

}  // namespace veneer::api
