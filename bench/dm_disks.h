// Many disks of the kernel's way, attached and detached in this process through the library.
//
// They are those of the state directory $VENEER_ROOT, with the run directory $VENEER_RUN, like the
// command's. A directory has an image, template.img, and gets a store for each disk.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backend/dm/host_dm_backend.h"
#include "base/result.h"
#include "base/units.h"

namespace veneer::bench {

struct StorePlan {
  std::string directory;
  std::optional<Bytes> max_change{};  // the whole disk where absent
};

class DmDisks {
 public:
  // kUsage where the environment does not name the directories.
  static Result<DmDisks> Open(StorePlan plan);

  // Attaches or detaches until `count` disks of this bench are there.
  Result<void> Keep(std::size_t count);

  // Attaches so many new disks more, one after the other, and detaches them again. Appends
  // "attach detach" in milliseconds to `times`, a line for each. One before them is not counted: it
  // meets code that is not in memory yet.
  Result<void> Time(std::size_t more, const std::string& times);

  // Attaches `more` new disks by `threads` threads at once, then detaches them by as many. Appends
  // "attach detach" to `times`: milliseconds from the first to the last, for each disk.
  Result<void> TimeCrowd(std::size_t more, std::size_t threads, const std::string& times);

  // Has every disk that is there hold a change of all of it.
  Result<void> GrowAll();

 private:
  DmDisks(StorePlan plan, std::unique_ptr<HostDmBackend> backend)
      : plan_(std::move(plan)), backend_(std::move(backend)) {}

  Result<DiskRequest> NewDisk(const std::string& name) const;
  Result<void> Drop(const std::string& name);
  [[nodiscard]] std::string StoreOf(const std::string& name) const;

  StorePlan plan_;
  std::unique_ptr<HostDmBackend> backend_;
};

// Removes the loop devices that no file is on: the kernel keeps each that was ever used, and the
// memory of the next measurement would seem smaller by it.
Result<void> ForgetFreeLoops();

}  // namespace veneer::bench
