// Runs other programs (mkfs.ext4, dd, …) for a command, and can be interrupted.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/interrupt_watch.h"
#include "base/result.h"

namespace veneer {

struct ProgramEnd {
  int status = 0;  // 128 + n where signal n ended it
  std::string out;
  std::string err;
};

// The path of a program in PATH, /usr/sbin or /sbin. kUnsupported where there is none.
Result<std::string> FindProgram(const std::string& name);

// Hears a few times a second what the last line of a program's stderr is.
using HearLine = std::function<void(std::string_view line)>;

// Starts `argv` with an empty stdin and waits for its end. A signal to this process ends the
// program and all it has started (SIGTERM, after ten seconds SIGKILL), and is the error then.
// Output beyond its last 64 MiB is dropped. kUnsupported where the program is missing.
Result<ProgramEnd> RunProgram(const std::vector<std::string>& argv, const InterruptWatch& watch,
                              const HearLine& hear = {});

// RunProgram for cleaning up: signals do not end it.
Result<ProgramEnd> RunUninterrupted(const std::vector<std::string>& argv);

// RunProgram; kFailed with the last lines of its stderr where its status is not 0. Yields its
// stdout.
Result<std::string> RunOrFail(const std::vector<std::string>& argv, const InterruptWatch& watch,
                              const HearLine& hear = {});

}  // namespace veneer
