// A command in a virtual machine: what is asked for, what is heard of it, how it ended.
//
// Plain values; bytes are bytes, nothing is text to Veneer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

enum class ExecStream : std::uint8_t { kOutput, kErrors };

struct ExecRequest {
  std::vector<std::string> argv{};         // as given: no shell in between; found in its PATH
  std::vector<std::string> environment{};  // "NAME=value", on top of a plain one
  std::string directory{};                 // its home directory where empty
  std::string user{};                      // a name or a number; root where empty
  std::optional<std::chrono::milliseconds> timeout{};  // then it is killed
  // Output beyond this is dropped, and marked in ExecEnd.
  std::optional<Bytes> output_limit{};

  // What its stdin is read from, to its end: a pipe, a file, a terminal. -1: it has none.
  int input = -1;
  // Hears what it says, in order for each stream. An error ends the command, and is the error.
  std::function<Result<void>(ExecStream, std::string_view)> output{};
  // Asked at least a few times a second; an error ends the command, and is the error. May be empty.
  std::function<Result<void>()> check{};
  // Asked as often: a signal for its process group. May be empty.
  std::function<std::optional<int>()> signal{};
};

enum class ExecOutcome : std::uint8_t { kExited, kSignalled, kTimedOut };

struct ExecEnd {
  ExecOutcome outcome = ExecOutcome::kExited;
  int number = 0;  // exit status, or signal
  // Bytes that were dropped because of the limit.
  Bytes dropped{};
  std::chrono::duration<double, std::milli> took{};
};

// As a shell has it: 128 + n for signal n; 124, as timeout(1), where the time was over.
int ShellStatus(const ExecEnd& end);

}  // namespace veneer
