#include "support/kill_at.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <sstream>
#include <utility>

namespace veneer::support {
namespace {

std::vector<std::string> Traced(std::vector<std::string> options,
                                const std::vector<std::string>& program, Offspring offspring) {
  if (offspring == Offspring::kTraced) options.insert(options.begin(), "-f");
  options.insert(options.begin(), {"strace", "-qq"});
  options.insert(options.end(), program.begin(), program.end());
  return options;
}

// The call that a line of strace shows, "[pid 12] openat(AT_FDCWD, …": its thread and its name.
// Empty for the second half of a call, and for a line that is none.
std::pair<std::string, std::string> CallIn(const std::string& line) {
  std::string thread;
  std::string rest = line;
  if (rest.starts_with("[pid")) {
    const std::size_t end = rest.find(']');
    thread = rest.substr(0, end);
    rest = rest.substr(std::min(rest.size(), end + 2));
  }
  const std::size_t bracket = rest.find('(');
  if (bracket == std::string::npos || bracket == 0) return {};
  std::string name = rest.substr(0, bracket);
  const bool is_name =
      std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return is_name ? std::pair(thread, name) : std::pair<std::string, std::string>{};
}

std::vector<SystemCall> TraceAll(const std::vector<std::string>& program, Offspring offspring) {
  const Outcome outcome = Run(Traced({"-e", "signal=none"}, program, offspring), UnderTracer());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::vector<SystemCall> calls;
  std::map<std::pair<std::string, std::string>, unsigned> counts;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    const auto [thread, name] = CallIn(line);
    if (!name.empty()) calls.push_back({name, ++counts[{thread, name}]});
  }
  return calls;
}

}  // namespace

std::vector<SystemCall> TraceSystemCalls(const std::vector<std::string>& program,
                                         Offspring offspring) {
  const std::vector<SystemCall> nothing = TraceAll({program.at(0), "--version"}, offspring);
  std::vector<SystemCall> calls = TraceAll(program, offspring);
  const auto [end, unused] =
      std::ranges::mismatch(calls, nothing, {}, &SystemCall::name, &SystemCall::name);
  calls.erase(calls.begin(), end);
  return calls;
}

std::vector<std::string> KilledAt(const SystemCall& call, const std::vector<std::string>& program,
                                  Offspring offspring) {
  return Traced({"-o", "/dev/null", "-e",
                 "inject=" + call.name + ":signal=KILL:when=" + std::to_string(call.occurrence)},
                program, offspring);
}

RunOptions UnderTracer() {
  return {.timeout = std::chrono::minutes(2), .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}};
}

}  // namespace veneer::support
