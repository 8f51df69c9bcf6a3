// RunClaim: that a state directory's disks lie below one run directory at a time. Whoever looked
// below another one would find none of them, and take them all for gone.
//
// The run directory's path is the one line of ROOT/run. Who changes anything holds a shared lock on
// that file meanwhile (flock(2)); it is rewritten under an exclusive one. The kernel drops them
// with the process.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

class RunClaim {
 public:
  // Whether nothing of the state directory is attached below that run directory, or about to be.
  using AtRest = std::function<Result<bool>(const std::string& run)>;

  // Claims nothing.
  RunClaim() = default;

  // `run` is the run directory of `root`, which is there, until the object goes. kConflict: another
  // one is, which is in use or not at rest. Waits for somebody who claims it at the same time.
  // Claims nothing where there is no room to record it.
  static Result<RunClaim> Take(const std::string& root, const std::string& run,
                               const AtRest& at_rest);

  // For who only looks: kConflict where another one is recorded that is not at rest.
  static Result<void> Look(const std::string& root, const std::string& run, const AtRest& at_rest);

 private:
  explicit RunClaim(UniqueFd lock) : lock_(std::move(lock)) {}

  UniqueFd lock_;
};

}  // namespace veneer
