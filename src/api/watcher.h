// Watcher: looks after what nobody asks about, again and again.
//
//   disk       a disk that went by itself: its sandbox is paused, with the reason; what killed
//   commands
//              have left half-done is ended (Recover)
//   store      a store of the kernel's way that is nearly full grows, before a write fails
//   room       the host's file system: the reserve is touched, and nothing new is made
//   template   an image that is no longer the one that was recorded, or is gone
//
// Writers that have to wait for room are another thread's (disk_rounds.h): they cannot wait for it.
// Each change is one finding, told once, not at every look. Blocks on disks and on the catalog. One
// thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "api/trouble_book.h"
#include "base/result.h"
#include "sandbox/host.h"

namespace veneer::api {

class Watcher {
 public:
  using Tell = TroubleBook::Tell;

  Watcher(Host host, const Tell& tell) : host_(std::move(host)), tell_(tell), book_(tell) {}

  // One look at everything. What cannot be looked at is a finding, and the rest is looked at.
  void Look();

 private:
  using Troubles = TroubleBook::Troubles;

  Troubles LookAtDisks();
  Troubles LookAtStores();
  Result<std::optional<std::string>> GrowIfNearlyFull(const SandboxRecord& sandbox);
  Troubles LookAtRoom();
  Troubles LookAtTemplates();

  Host host_;
  Tell tell_;
  TroubleBook book_;
  // Of images that are wrong: when they were written. They are read once, not at every look.
  std::map<std::string, std::filesystem::file_time_type> wrong_;
};

}  // namespace veneer::api
