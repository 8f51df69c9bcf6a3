// Watcher: looks after what nobody asks about, again and again.
//
//   disk       a disk that went by itself: its sandbox is paused, with the reason; what killed
//   commands
//              have left half-done is ended (Recover)
//   store      a store of the kernel's way that is nearly full grows, before a write fails
//   room       the host's file system: the reserve is touched, and nothing new is made
//   hold       it has still less room: writers of all disks are held until there is more
//   template   an image that is no longer the one that was recorded, or is gone
//
// Each change is one finding, told once, not at every look. On the way it reads what each disk has
// done. Blocks on disks and on the catalog. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/disk_rounds.h"
#include "base/result.h"
#include "sandbox/host.h"

namespace veneer::api {

struct Finding {
  std::string watch;   // "disk", "store", …
  std::string object;  // "sandbox sb-1f…", "template tp-2a…", "host"
  std::string detail;
};

class Watcher {
 public:
  using Tell = std::function<void(const Finding&)>;

  Watcher(Host host, HoldRule rule, Tell tell)
      : host_(std::move(host)), rounds_(host_, rule), tell_(std::move(tell)) {}

  // One look at everything. What cannot be looked at is a finding, and the rest is looked at.
  void Look();

  // Room alone, which goes faster than all else: many times between two looks. Cheap where nothing
  // is to be done. Yields whether disks were read.
  bool Glance();

  // Nobody is left held who could not go on by himself.
  void End() { rounds_.End(); }

  // Of the disks that answered last time.
  [[nodiscard]] const std::vector<DiskReading>& readings() const { return readings_; }

 private:
  using Troubles = std::map<std::string, std::string>;  // by object

  void GoRound();
  Troubles LookAtDisks();
  Troubles LookAtStores();
  Result<std::optional<std::string>> GrowIfNearlyFull(const SandboxRecord& sandbox);
  Troubles LookAtRoom();
  Troubles LookAtTemplates();
  // Tells what is new, what is another, and what is well again.
  void Compare(const std::string& watch, Troubles now);

  Host host_;
  DiskRounds rounds_;
  Tell tell_;
  std::vector<DiskReading> readings_;
  std::map<std::string, Troubles> before_;  // by watch
  // Of images that are wrong: when they were written. They are read once, not at every look.
  std::map<std::string, std::filesystem::file_time_type> wrong_;
};

}  // namespace veneer::api
