// Starts a program that belongs to nobody: in a session of its own, child of init, in "/", with
// /dev/null as its input and output and no descriptor but one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

// The number under which the program finds the pipe.
inline constexpr int kSpawnedPipe = 3;

// Returns the reading end of a pipe whose other end the program has. Where the program cannot be
// run, `complaint` and a line break come out of it. Waits until it is run, and no longer. Any
// thread.
Result<UniqueFd> SpawnDetached(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::string& complaint);

}  // namespace veneer
