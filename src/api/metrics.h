// Metrics of the daemon, as Prometheus reads them (text format 0.0.4).
//
// How long operations and their steps took, as histograms, since the daemon began; and figures of
// the moment, which whoever renders has looked up. Any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/disk_rounds.h"
#include "base/result.h"
#include "base/units.h"
#include "sandbox/host.h"

namespace veneer::api {

// Of one moment.
struct Figures {
  std::map<std::string, std::uint64_t> sandboxes{};  // by state; each state is there
  Bytes sandboxes_used{};
  Bytes sandboxes_changed{};
  Bytes sandboxes_virtual{};
  std::map<std::string, std::uint64_t> templates{};  // by kind
  Bytes templates_used{};
  Bytes room_total{};  // of the file system of the state directory
  Bytes room_available{};
};

// Looks at each store's header: blocks on the file system.
Result<Figures> LookUpFigures(const Host& host);

class Metrics {
 public:
  using Seconds = std::chrono::duration<double>;

  // `outcome`: "done", or the kind of the error.
  void NoteOperation(std::string_view verb, std::string_view outcome, Seconds took);
  void NoteStep(std::string_view verb, std::string_view step, Seconds took);

  // What a watcher has found ("disk", "room", …).
  void NoteFinding(const std::string& watch);

  // What the watchers have read of the disks, in place of the last time: a scrape asks no disk.
  void NoteDisks(std::vector<DiskReading> readings);

  [[nodiscard]] std::string Render(const Figures& figures) const;

 private:
  // Bounds of the buckets; the last one has none.
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                      0.5,   1.0,    2.5,   5.0,  10.0,  60.0, 600.0};
  struct Histogram {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    std::uint64_t count = 0;
    double sum = 0;
  };
  using Family = std::map<std::pair<std::string, std::string>, Histogram>;  // by two labels

  // Series of so many disks at most; how many more there are is one number.
  static constexpr std::size_t kMostDisks = 1000;

  void Note(Family& family, std::string_view first, std::string_view second, Seconds took);
  struct Naming {
    std::string_view name;
    std::string_view help;
    std::string_view first;
    std::string_view second;
  };
  void RenderDisks(std::string& text) const;
  static void RenderFamily(std::string& text, const Naming& naming, const Family& family);

  mutable std::mutex mutex_;
  Family operations_;  // guarded by mutex_, as is the next
  Family steps_;
  std::map<std::string, std::uint64_t> findings_{
      {"disk", 0}, {"hold", 0}, {"room", 0}, {"store", 0}, {"template", 0}};
  std::vector<DiskReading> disks_;
};

}  // namespace veneer::api
